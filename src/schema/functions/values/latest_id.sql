-- The smallest id that is too far ahead of the database's clock to be taken.
CREATE OR REPLACE FUNCTION "audit"."latest_id"() RETURNS uuid
LANGUAGE sql VOLATILE AS $$
  select rpad(lpad(to_hex(
    (extract(epoch from clock_timestamp()) * 1000)::bigint + audit.bound('ahead_ms')
  ), 12, '0'), 32, '0')::uuid
$$;
