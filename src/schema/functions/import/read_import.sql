-- How far an import is, which kind of ids the log has, 'uuid' or 'text', and the smallest id that an
-- import may bring in. The columns of the import are null where there is none of this name.
CREATE OR REPLACE FUNCTION "audit"."read_import"(
  "name" text, OUT "ids" text, OUT "oldest" uuid, OUT "mapping" text, OUT "recorder" uuid,
  OUT "last_key" text, OUT "read" bigint, OUT "refused" bigint, OUT "logged" bigint,
  OUT "begun_at" timestamptz, OUT "done_at" timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
begin
  ids := pg_typeof((select i.user_id from audit.audit_import as i where false));
  oldest := audit.oldest_import();
  select r.mapping, r.recorder_id, r.last_key, r.read, r.refused, coalesce(a.logged, 0),
    r.begun_at, r.done_at
  into mapping, recorder, last_key, read, refused, logged, begun_at, done_at
  from audit.audit_import_run as r
  left join audit.audit_recorder as a on a.id = r.recorder_id
  where r.name = read_import.name;
end
$$;
