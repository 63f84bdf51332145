-- Makes a table ready to come back into the log: it gets the CHECK by which Postgres knows its bounds, and
-- the entries of the partitions that it takes the place of, where it has not got them. The caller keeps
-- others from writing to these partitions. Returns how many entries it got.
CREATE OR REPLACE FUNCTION "audit"."join_into"(
  "restored" text, "from_id" uuid, "to_id" uuid, "joined" text[]
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  other text;
  copied bigint;
  copied_in_all bigint := 0;
begin
  -- The table is nobody's yet, so this waits for nobody and the log is read meanwhile.
  execute format('alter table audit.%I drop constraint if exists audit_log_bounds', restored);
  execute format(
    'alter table audit.%I add constraint audit_log_bounds check (id >= %L and id < %L)',
    restored, from_id, to_id);
  foreach other in array joined loop
    execute format(
      'insert into audit.%1$I (%3$s) select %3$s from audit.%2$I as c '
      'where not exists (select from audit.%1$I as d where d.id = c.id) order by c.id',
      restored, other, audit.log_columns());
    get diagnostics copied = row_count;
    copied_in_all := copied_in_all + copied;
  end loop;
  return copied_in_all;
end
$$;
