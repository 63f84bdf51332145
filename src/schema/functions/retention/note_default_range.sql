-- Before a partition is put into the log, Postgres looks whether DEFAULT holds a row of it, under the
-- log's lock, unless a CHECK of DEFAULT says that it does not. A long DEFAULT is read for seconds. So the
-- CHECK is noted here, and audit.prove_default_range() reads DEFAULT, while the log is in use. The swap
-- takes it away. Returns whether it was noted: not where DEFAULT is short, or holds a row of the range.
--
-- Until then DEFAULT takes no id of the range. None goes there, because the range has a partition, or lies
-- below the retention line.
CREATE OR REPLACE FUNCTION "audit"."note_default_range"(
  "log_table" text, "lock_timeout_ms" integer DEFAULT 100
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
declare
  -- So many pages are read in some ten milliseconds.
  max_pages_read constant bigint := 4096;
  range record;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  if log_table = 'audit_log_default'
    or pg_relation_size('audit.audit_log_default') / current_setting('block_size')::bigint
      <= max_pages_read
  then
    return false;
  end if;
  select s.from_id, s.to_id into range from audit.audit_swap as s
  where s.partition = log_table and s.state <> 'undone' order by s.swap desc limit 1;
  if not found then
    return false;
  end if;
  range := audit.span_in_log(log_table, range.from_id, range.to_id);
  if range.obstacle is not null then
    return false;
  end if;
  alter table audit.audit_log_default drop constraint if exists audit_log_default_range;
  execute format(
    'alter table audit.audit_log_default add constraint audit_log_default_range '
    'check (id < %L or id >= %L) not valid', range.from_id, range.to_id);
  return true;
end
$$;
