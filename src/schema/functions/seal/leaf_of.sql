-- The text of an entry's leaf, version 1: one line of JSON with the values as an export prints them,
-- and in the place of each personal value its commitment. "keys" is the SHA-512 of the entry's salt, of
-- which each value has 12 bytes; "rare_keys" that of the salt and the byte 1, for the two values that
-- few entries have.
--
-- It is one expression and names the schema of everything, so that Postgres puts it into the statement
-- that calls it, and nobody's search_path changes it. The bytes do not depend on any setting.
CREATE OR REPLACE FUNCTION "audit"."leaf_of"("entry" audit.audit_log, "keys" bytea, "rare_keys" bytea)
RETURNS text
LANGUAGE sql STABLE AS $$
  select pg_catalog.concat(
    '{"v":1,"seq":', entry.seq, ',"id":"', entry.id,
    '","occurred_at":', audit.leaf_time(entry.occurred_at),
    ',"logged_at":', audit.leaf_time(entry.logged_at),
    ',"written_by":', pg_catalog.to_json(entry.written_by),
    ',"event_id":', coalesce(pg_catalog.to_json(entry.event_id)::pg_catalog.text, 'null'),
    ',"action":', pg_catalog.to_json(entry.action),
    ',"entity_type":', coalesce(pg_catalog.to_json(entry.entity_type)::pg_catalog.text, 'null'),
    ',"outcome":', coalesce(pg_catalog.to_json(entry.outcome)::pg_catalog.text, 'null'),
    ',"actor_kind":', coalesce(pg_catalog.to_json(entry.actor_kind)::pg_catalog.text, 'null'),
    ',"user_id":', case when entry.user_id is null then 'null' else
      audit.commitment(keys, 1, 'user_id=', pg_catalog.to_json(entry.user_id)::pg_catalog.text) end,
    ',"actor_id":', case when entry.actor_id is null then 'null' else
      audit.commitment(rare_keys, 1, 'actor_id=', pg_catalog.to_json(entry.actor_id)::pg_catalog.text) end,
    ',"target_id":', case when entry.target_id is null then 'null' else
      audit.commitment(keys, 13, 'target_id=', pg_catalog.to_json(entry.target_id)::pg_catalog.text) end,
    ',"more_targets":', case when entry.more_targets is null then 'null' else
      audit.commitment(
        rare_keys, 13, 'more_targets=', pg_catalog.array_to_json(entry.more_targets)::pg_catalog.text) end,
    ',"request_id":', case when entry.request_id is null then 'null' else
      audit.commitment(keys, 25, 'request_id=', pg_catalog.to_json(entry.request_id)::pg_catalog.text) end,
    ',"metadata":', audit.commitment(keys, 37, 'metadata=', entry.metadata::pg_catalog.text),
    ',"context":', audit.commitment(keys, 49, 'context=', entry.context::pg_catalog.text),
    ',"recorder_id":', coalesce(pg_catalog.to_json(entry.recorder_id)::pg_catalog.text, 'null'),
    ',"recorder_seq":', coalesce(entry.recorder_seq::pg_catalog.text, 'null'), '}')
$$;
