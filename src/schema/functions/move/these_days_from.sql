-- The smallest id of these days: two days ago, to the hour. The move looks for an id of these days in
-- the log without a function call, and nearly all are. A partition is closed at the earliest three
-- days after its end, so whatever lands in a closed one is older than this and is noted there.
CREATE OR REPLACE FUNCTION "audit"."these_days_from"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select audit.id_floor(date_trunc('hour', statement_timestamp()) - interval '48 hours')
$$;
