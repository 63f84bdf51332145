-- The smallest UUIDv7 (RFC 9562, section 5.7) that can be made at or after this instant: 48 bits of
-- Unix milliseconds, then zeros. The log's partitions have such ids as their bounds.
CREATE OR REPLACE FUNCTION "audit"."id_floor"("at" timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select rpad(lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
