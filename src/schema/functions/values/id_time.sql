-- When a UUIDv7 was made, as it says itself: the opposite of id_floor(). Without a setting of its own,
-- so that Postgres puts it into the caller's expression.
CREATE OR REPLACE FUNCTION "audit"."id_time"("id" uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select to_timestamp(
    ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0::double precision)
$$;
