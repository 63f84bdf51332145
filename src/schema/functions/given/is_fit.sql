-- Whether a lane takes an entry exactly as it is, but for its metadata and context. Null and false
-- say that examine() has to look: lengths are counted in bytes here, which is cheaper. A statement
-- that calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_fit"(
  "id" uuid, "occurred_at" timestamptz, "action" text, "entity_type" text, "request_id" text,
  "oldest" uuid, "latest" uuid
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select id >= oldest and id < latest and audit.is_uuid7(id)
    and occurred_at >= '0001-01-01 00:00:00+00' and occurred_at < '10000-01-01 00:00:00+00'
    and octet_length(action) between 1 and audit.bound('action_characters')
    and not audit.is_reserved(action)
    and (entity_type is null
      or octet_length(entity_type) between 1 and audit.bound('text_characters'))
    and (request_id is null
      or octet_length(request_id) between 1 and audit.bound('text_characters'))
$$;
