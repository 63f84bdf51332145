-- Whether an id in an array of entries is something other than a string. The text that jsonb makes of
-- it does not say how it was written: 1e3 and 1000 are the same there.
CREATE OR REPLACE FUNCTION "audit"."has_odd_ids"("entries" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_path_exists(entries, 'strict $[*] ? (
    exists (@.user_id ? (@.type() != "string" && @.type() != "null"))
    || exists (@.event_id ? (@.type() != "string" && @.type() != "null"))
    || exists (@.target_id ? (@.type() != "string" && @.type() != "null"))
    || exists (@.actor_id ? (@.type() != "string" && @.type() != "null"))
  )')
$$;
