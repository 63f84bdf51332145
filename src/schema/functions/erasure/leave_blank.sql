-- Puts a table without what was erased in the place of a restored one, where that holds any of it. It
-- copies the rows instead of changing them, because a changed row leaves its old bytes behind.
CREATE OR REPLACE FUNCTION "audit"."leave_blank"("restored" text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  blank constant text := restored || '_blank';
  is_touched boolean;
  columns text;
begin
  execute format(
    'select exists (select from audit.%I as r join audit.audit_erasure as e on e.seq = r.seq and e.id = r.id)',
    restored) into is_touched;
  if not is_touched then
    return;
  end if;
  select string_agg(case
      when a.attname = any(array['metadata', 'context'])
        then format('case when %L = any(e.fields) then ''{}'' else r.%I end', a.attname, a.attname)
      when a.attname = any(audit.erasure_fields())
        then format('case when %L = any(e.fields) then null else r.%I end', a.attname, a.attname)
      else format('r.%I', a.attname)
    end, ', ' order by a.attnum)
  into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  execute format('drop table if exists audit.%I', blank);
  execute format('create table audit.%I (like audit.audit_log including defaults including constraints)', blank);
  execute format(
    'insert into audit.%1$I (%2$s) select %3$s from audit.%4$I as r '
    'left join audit.audit_erasure as e on e.seq = r.seq and e.id = r.id',
    blank, audit.log_columns(), columns, restored);
  execute format('drop table audit.%I', restored);
  execute format('alter table audit.%I rename to %I', blank, restored);
  execute format('create index on audit.%I (seq)', restored);
end
$$;
