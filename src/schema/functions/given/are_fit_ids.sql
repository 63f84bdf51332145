-- Whether text columns take these ids exactly as they are. False says that examine() has to look:
-- lengths are counted in bytes here, which is cheaper. A statement that calls this function holds its
-- text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."are_fit_ids"("user_id" text, "event_id" text, "target_id" text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select (user_id is null or octet_length(user_id) between 1 and audit.bound('text_characters'))
    and (event_id is null or octet_length(event_id) between 1 and audit.bound('text_characters'))
    and (target_id is null or octet_length(target_id) between 1 and audit.bound('text_characters'))
$$;
