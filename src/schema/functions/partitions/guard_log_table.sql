-- Gives the log or one of its partitions its own append-only statement trigger, because Postgres
-- does not copy statement triggers to partitions. It copies the row trigger, but a row trigger does
-- not fire for TRUNCATE or where no row matches.
CREATE OR REPLACE FUNCTION "audit"."guard_log_table"("log_table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  execute format(
    'create trigger audit_log_append_only before update or delete or truncate on %s '
    'for each statement execute function audit.refuse_change()', log_table);
  execute format('alter table %s enable always trigger audit_log_append_only', log_table);
  -- Older supported servers do not copy ENABLE ALWAYS to the partition's copy of the row trigger.
  execute format('alter table %s enable always trigger audit_log_row_append_only', log_table);
end
$$;
