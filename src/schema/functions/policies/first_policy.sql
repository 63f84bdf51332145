-- For how long the first of some patterns keeps that has a policy at some time. Null is forever.
CREATE OR REPLACE FUNCTION "audit"."first_policy"("patterns" text[], "at" timestamptz)
RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select p.keep
  from unnest(patterns) with ordinality as one (actions, place)
  join audit.policies_in_force(first_policy.at) as p on p.actions = one.actions
  order by one.place limit 1
$$;
