-- Turns on that the relay collects the names that entries give, from the beginning of the log on. Returns
-- the first number that it has looked at, or will.
CREATE OR REPLACE FUNCTION "audit"."names_on"() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select audit.begin_follow('names', 1)
$$;
