-- Begins an import, or goes on with it, and returns whether it goes on. Each call leaves an entry
-- "audit.import" in the log. It raises where the import was begun with another mapping, which would
-- make other entries of the same rows.
--
-- The import has an account as a recorder has, so that "status" shows what became of its rows. Nobody
-- knows a key that fits its hash, so nobody can stage or report in its name.
CREATE OR REPLACE FUNCTION "audit"."begin_import"("name" text, "source" text, "mapping" text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
declare
  run audit.audit_import_run;
  goes_on boolean;
begin
  if name is null or char_length(name) not between 1 and audit.bound('text_characters')
    or source is null or char_length(source) not between 1 and audit.bound('text_characters')
    or mapping is null or mapping !~ '^[0-9a-f]{64}$'
  then
    raise exception 'an import has a name, a source and the SHA-256 of its mapping'
      using errcode = 'invalid_parameter_value';
  end if;
  insert into audit.audit_import_run (name, source, mapping, recorder_id)
  values (begin_import.name, begin_import.source, begin_import.mapping, gen_random_uuid())
  on conflict do nothing;
  goes_on := not found;
  select r.* into run from audit.audit_import_run as r where r.name = begin_import.name for update;
  if run.mapping <> begin_import.mapping then
    raise exception 'the import was begun with another mapping'
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'Its rows would become other entries. Use the mapping of then, or another name.';
  end if;
  update audit.audit_import_run as r set done_at = null where r.name = run.name;
  insert into audit.audit_report as p (id, started_at, seen_at, key_hash)
  values (run.recorder_id, clock_timestamp(), clock_timestamp(),
    encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'))
  on conflict (id) do update set seen_at = clock_timestamp(), closed_at = null;
  perform audit.put_ours(
    'audit.import', null,
    jsonb_build_object(
      'state', case when goes_on then 'resumed' else 'begun' end,
      'name', run.name, 'source', begin_import.source, 'mapping', run.mapping,
      'recorderId', run.recorder_id, 'read', run.read, 'refused', run.refused
    ),
    '{}'
  );
  return goes_on;
end
$$;
