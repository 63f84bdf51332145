-- The fields of an entry that can be erased, in the order in which all lists of them are. They are those
-- that may hold personal data. What else an entry says stays, so that the log stays whole.
CREATE OR REPLACE FUNCTION "audit"."erasure_fields"() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select array['user_id', 'actor_id', 'target_id', 'more_targets', 'request_id', 'metadata', 'context']
$$;
