-- Stores a recorder's own counts. A recorder calls it about every ten seconds and when it closes.
-- Counts only grow, so a report that arrives late changes nothing.
CREATE OR REPLACE FUNCTION "audit"."report"(
  "recorder" uuid, "started_at" timestamptz, "accepted" bigint, "staged" bigint, "dropped" jsonb,
  "closed" boolean
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_recorder as r (id, started_at, seen_at, closed_at, accepted, staged, dropped)
  values (
    recorder, started_at, clock_timestamp(), case when closed then clock_timestamp() end,
    accepted, staged, dropped
  )
  on conflict (id) do update set
    started_at = excluded.started_at,
    seen_at = excluded.seen_at,
    closed_at = coalesce(r.closed_at, excluded.closed_at),
    accepted = greatest(r.accepted, excluded.accepted),
    staged = greatest(r.staged, excluded.staged),
    dropped = (
      select coalesce(jsonb_object_agg(
        reason, greatest((r.dropped ->> reason)::bigint, (excluded.dropped ->> reason)::bigint)
      ), '{}')
      from jsonb_object_keys(r.dropped || excluded.dropped) as reason
    )
$$;
