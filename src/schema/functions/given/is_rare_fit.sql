-- Whether a lane takes what few entries have exactly as it is: outcome and actor, in an object that a
-- row ends with. False says that examine() has to look, as it does at more targets. A statement that
-- calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_rare_fit"("rare" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_typeof(rare) = 'object' and not rare ? 'more_targets'
    and audit.is_known_word(rare ->> 'outcome', rare ->> 'actor_kind')
    and coalesce(jsonb_typeof(rare -> 'actor_id') = 'string', true)
    and coalesce(octet_length(rare ->> 'actor_id') between 1 and audit.bound('text_characters'), true)
$$;
