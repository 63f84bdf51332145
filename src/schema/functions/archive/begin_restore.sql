-- Makes the table into which the entries of one archived file come, next to the log: restored_PARTITION_part.
-- What an earlier run has left of it is dropped. "partition" need not be there any more.
CREATE OR REPLACE FUNCTION "audit"."begin_restore"("log_table" text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if log_table !~ '^\w{1,40}$' then
    raise exception 'no partition has the name "%"', log_table
      using errcode = 'invalid_parameter_value';
  end if;
  execute format('drop table if exists audit.%I', format('restored_%s_part', log_table));
  -- Without indexes, which are made once all entries are there.
  execute format('create table audit.%I (like audit.audit_log including defaults including constraints)',
    format('restored_%s_part', log_table));
end
$$;
