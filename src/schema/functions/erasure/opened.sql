-- What proves a sealed entry without the fields that are erased of it: of each committed value its own
-- salt, or the commitment of a value that goes. "entry" still holds what goes. "before" is what an
-- earlier erasure of the entry has left; then the salt of the whole entry is zero, and the values that
-- go now have salts of their own. Null where nothing can prove the entry: it has no salt.
CREATE OR REPLACE FUNCTION "audit"."opened"(
  "entry" audit.audit_log, "before" jsonb, "gone" text[]
) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  salt bytea;
begin
  select substr(s.salts, (entry.seq % 256)::integer * 16 + 1, 16) into salt
  from audit.audit_salt as s where s.n = entry.seq / 256;
  if salt <> decode(repeat('00', 16), 'hex') then
    return (
      select jsonb_object_agg(c.key, case when c.key = any(gone)
        then jsonb_build_object('erased', c.value -> 'commitment')
        else jsonb_build_object('salt', c.value -> 'salt') end)
      from jsonb_each(audit.leaf_commitments(entry, salt)) as c
    );
  end if;
  return before || (
    select coalesce(jsonb_object_agg(f.name, jsonb_build_object('erased', trim(both '"' from
      audit.commitment(decode(before -> f.name ->> 'salt', 'hex'), 1, f.name || '=', f.value)))), '{}')
    from (values
      ('user_id', to_json(entry.user_id)::text),
      ('actor_id', to_json(entry.actor_id)::text),
      ('target_id', to_json(entry.target_id)::text),
      ('more_targets', array_to_json(entry.more_targets)::text),
      ('request_id', to_json(entry.request_id)::text),
      ('metadata', entry.metadata::text),
      ('context', entry.context::text)
    ) as f (name, value)
    where f.name = any(gone) and before -> f.name ? 'salt'
  );
end
$$;
