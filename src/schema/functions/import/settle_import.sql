-- Notes how far an import is, once its lane is seen empty in the epoch in which the rows were staged:
-- then the log has all of them. Returns 'settled'; 'waiting' while rows of it are in the lane; and
-- 'emptied' where a crash has emptied the lane since. The importer then reads on behind the last key
-- that was noted, and the ids keep what was logged from being logged twice.
CREATE OR REPLACE FUNCTION "audit"."settle_import"(
  "name" text, "epoch" uuid, "last_key" text, "read" bigint, "refused" bigint
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
declare
  run audit.audit_import_run;
begin
  -- The lock comes before the look, as in lane_state(): compaction puts rows back.
  lock table audit.audit_import in access share mode;
  select r.* into run from audit.audit_import_run as r where r.name = settle_import.name;
  if (select s.epoch from audit.audit_import_sentinel as s) is distinct from settle_import.epoch then
    return 'emptied';
  end if;
  if exists (select from audit.audit_import as i where i.recorder_id = run.recorder_id) then
    -- A long wait is no death.
    update audit.audit_report as p set seen_at = clock_timestamp()
    where p.id = run.recorder_id and p.seen_at < clock_timestamp() - interval '5 seconds';
    return 'waiting';
  end if;
  update audit.audit_import_run as r set
    last_key = settle_import.last_key, read = settle_import.read, refused = settle_import.refused,
    logged = coalesce((select a.logged from audit.audit_recorder as a where a.id = r.recorder_id), 0)
  where r.name = settle_import.name and r.read < settle_import.read;
  update audit.audit_report as p set
    seen_at = clock_timestamp(),
    accepted = greatest(p.accepted, settle_import.read - settle_import.refused),
    staged = greatest(p.staged, settle_import.read - settle_import.refused)
  where p.id = run.recorder_id;
  return 'settled';
end
$$;
