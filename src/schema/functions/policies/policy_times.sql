-- What was said about policies, and since when each counts. What keeps less counts after the grace,
-- and not before its entry stood in the log for as long: a transaction that stays open cannot let the
-- grace pass unseen. Null: its entry is not logged yet.
CREATE OR REPLACE FUNCTION "audit"."policy_times"(
  OUT "number" bigint, OUT "actions" text, OUT "keep" interval, OUT "removed" boolean,
  OUT "counts_at" timestamptz
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select p.number, p.actions, p.keep, p.removed, case
    when p.effective_at <= p.set_at then p.effective_at
    else (
      select greatest(p.effective_at, l.logged_at + (p.effective_at - p.set_at))
      from audit.logged_entry(p.entry) as l
    )
  end
  from audit.audit_policy as p
$$;
