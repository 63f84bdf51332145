-- Whether a UUID is a UUIDv7 of RFC 9562: its version and its variant are.
CREATE OR REPLACE FUNCTION "audit"."is_uuid7"("id" uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select get_byte(uuid_send(id), 6) >> 4 = 7 and get_byte(uuid_send(id), 8) >> 6 = 2
$$;
