-- A UUIDv7 for an entry that comes without an id. Postgres has a function for it only from version
-- 18.
CREATE OR REPLACE FUNCTION "audit"."new_id"() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select (
    lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(random_id, 14)
  )::uuid
  from (select replace(gen_random_uuid()::text, '-', '') as random_id) as made
$$;
