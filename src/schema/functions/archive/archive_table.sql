-- The quoted name of a table that archives are made of: a partition of the log, a table that is to
-- take its place, or one that a restore has made. Raises for every other name, so that nobody reads
-- another table by the functions of the archive.
CREATE OR REPLACE FUNCTION "audit"."archive_table"("log_table" text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  found_name text;
begin
  select format('audit.%I', c.relname) into found_name
  from pg_class as c
  where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and c.relname = log_table
    and (
      c.relname ~ '^(audit_log|restored)_' or exists (
        select from pg_inherits as i
        where i.inhrelid = c.oid and i.inhparent = 'audit.audit_log'::regclass
      )
    );
  if found_name is null then
    raise exception 'the log has no partition "%"', log_table
      using errcode = 'undefined_table',
        hint = 'The names are in audit.audit_partition.';
  end if;
  return found_name;
end
$$;
