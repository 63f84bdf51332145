-- For how long the entries of an action are kept. Null is forever. The most exact policy holds.
CREATE OR REPLACE FUNCTION "audit"."keep_for"("action" text, "at" timestamptz DEFAULT clock_timestamp())
RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select audit.first_policy(audit.patterns_of(action), keep_for.at)
$$;
