-- The smallest id behind these days, as audit.these_days_from says: a clock may be a day ahead.
CREATE OR REPLACE FUNCTION "audit"."these_days_to"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select audit.id_floor(date_trunc('hour', statement_timestamp()) + interval '48 hours')
$$;
