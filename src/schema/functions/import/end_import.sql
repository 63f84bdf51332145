-- Ends an import whose source was read to its end and whose lane was seen empty, and leaves an entry
-- "audit.import" with the counts. A row that came twice is logged once, and its repetitions are no
-- entries that the account of the import could miss.
CREATE OR REPLACE FUNCTION "audit"."end_import"(
  "name" text, OUT "read" bigint, OUT "refused" bigint, OUT "logged" bigint,
  OUT "repeated" bigint, OUT "dead_letters" bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
declare
  run audit.audit_import_run;
begin
  select r.* into run from audit.audit_import_run as r where r.name = end_import.name for update;
  if not found then
    raise exception 'there is no such import' using errcode = 'no_data_found';
  end if;
  read := run.read;
  refused := run.refused;
  select coalesce(sum(a.logged), 0) into logged
  from audit.audit_recorder as a where a.id = run.recorder_id;
  select count(*) into dead_letters
  from audit.audit_dead_letter as d where d.recorder_id = run.recorder_id;
  repeated := greatest(0, read - refused - logged - dead_letters);
  update audit.audit_import_run as r
  set done_at = clock_timestamp(), logged = end_import.logged where r.name = run.name;
  update audit.audit_report as p set
    seen_at = clock_timestamp(), closed_at = clock_timestamp(),
    accepted = end_import.logged + end_import.dead_letters,
    staged = end_import.logged + end_import.dead_letters
  where p.id = run.recorder_id;
  perform audit.put_ours(
    'audit.import', null,
    jsonb_build_object(
      'state', 'ended', 'name', run.name, 'source', run.source, 'mapping', run.mapping,
      'recorderId', run.recorder_id, 'read', read, 'refused', refused, 'logged', logged,
      'repeated', repeated, 'deadLetters', dead_letters
    ),
    '{}'
  );
end
$$;
