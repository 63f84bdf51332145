-- The policies that hold now, and what was said and does not count yet: "counts_at" is null while the
-- entry of such a change is not logged. "keep" is null forever.
CREATE OR REPLACE FUNCTION "audit"."list_policies"(
  OUT "actions" text, OUT "keep" text, OUT "removed" boolean, OUT "in_force" boolean,
  OUT "counts_at" text, OUT "set_at" text, OUT "set_by" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
  select t.actions, t.keep::text, t.removed, t.number is not distinct from held.number,
    to_json(t.counts_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(p.set_at at time zone 'UTC') #>> '{}' || 'Z', p.set_by
  from audit.policy_times() as t
  join audit.audit_policy as p on p.number = t.number
  left join (
    select distinct on (h.actions) h.actions, h.number from audit.policy_times() as h
    where h.counts_at <= clock_timestamp() order by h.actions, h.number desc
  ) as held on held.actions = t.actions
  where t.number = held.number and not t.removed or t.number > coalesce(held.number, 0)
  order by t.actions, t.number
$$;
