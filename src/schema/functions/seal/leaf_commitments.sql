-- For each personal value of an entry that is not null: its own salt and its commitment, both in
-- hexadecimal, by the name of its column. An erasure keeps the salts of what stays and the commitments of
-- what goes.
CREATE OR REPLACE FUNCTION "audit"."leaf_commitments"("entry" audit.audit_log, "salt" bytea)
RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(jsonb_object_agg(f.name, jsonb_build_object(
    'salt', encode(substr(f.keys, f.place, 12), 'hex'),
    'commitment', trim(both '"' from audit.commitment(f.keys, f.place, f.name || '=', f.value))
  )), '{}')
  from (values
    ('user_id', sha512(salt), 1, to_json(entry.user_id)::text),
    ('actor_id', sha512(salt || decode('01', 'hex')), 1, to_json(entry.actor_id)::text),
    ('target_id', sha512(salt), 13, to_json(entry.target_id)::text),
    ('more_targets', sha512(salt || decode('01', 'hex')), 13, array_to_json(entry.more_targets)::text),
    ('request_id', sha512(salt), 25, to_json(entry.request_id)::text),
    ('metadata', sha512(salt), 37, entry.metadata::text),
    ('context', sha512(salt), 49, entry.context::text)
  ) as f (name, keys, place, value)
  where f.value is not null
$$;
