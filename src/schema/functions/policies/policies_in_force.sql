-- The policies that hold at some time, as far as is known now. Null is forever. Of what counts by then
-- for some actions, what was said last holds.
CREATE OR REPLACE FUNCTION "audit"."policies_in_force"(
  "at" timestamptz DEFAULT clock_timestamp(), OUT "actions" text, OUT "keep" interval
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select last.actions, last.keep
  from (
    select distinct on (t.actions) t.actions, t.keep, t.removed
    from audit.policy_times() as t
    where t.counts_at <= policies_in_force.at
    order by t.actions, t.number desc
  ) as last
  where not last.removed
$$;
