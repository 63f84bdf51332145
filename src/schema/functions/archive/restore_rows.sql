-- Puts lines of an archived file, as a JSON array, into the table that begin_restore() made, and returns
-- how many. The keeper's login can write nothing else by it, and join_restored() compares what it wrote.
CREATE OR REPLACE FUNCTION "audit"."restore_rows"("log_table" text, "lines" json) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  taken bigint;
begin
  execute format(
    'insert into audit.%I (%s) select %2$s from json_populate_recordset(null::audit.audit_log, $1)',
    format('restored_%s_part', log_table), audit.log_columns()
  ) using lines;
  get diagnostics taken = row_count;
  return taken;
end
$$;
