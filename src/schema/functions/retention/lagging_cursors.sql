-- The readers with a name that have not read up to a number, the one that is farthest behind first.
-- Retention waits for one that was seen in the last 30 days, unless it is told to ignore it.
CREATE OR REPLACE FUNCTION "audit"."lagging_cursors"(
  "up_to" bigint, "ignored" text[],
  OUT "name" text, OUT "seq" bigint, OUT "seen_at" timestamptz, OUT "is_waited_for" boolean
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select c.name, c.seq, c.seen_at,
    c.seen_at > now() - interval '30 days' and not c.name = any(coalesce(ignored, '{}'))
  from audit.audit_cursor as c
  where c.seq < up_to or c.history is distinct from (select h.history from audit.audit_head as h)
  order by c.seq
$$;
