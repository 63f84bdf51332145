-- Whether an outcome and a kind of actor are null or one of those that there are. The log checks the
-- same. A statement that calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_known_word"("outcome" text, "actor_kind" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select (outcome is null or outcome in ('denied', 'failed', 'attempted'))
    and (actor_kind is null or actor_kind in ('api_key', 'service', 'system', 'agent'))
$$;
