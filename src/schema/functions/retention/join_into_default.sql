-- As join_into(), for a table that comes back as DEFAULT. Entries of it whose time has got a partition
-- since go there: DEFAULT may not hold them.
CREATE OR REPLACE FUNCTION "audit"."join_into_default"("restored" text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  outside constant text := audit.outside_of_partitions('{}', '{}');
  copied bigint;
begin
  execute format('alter table audit.%I drop constraint if exists audit_log_bounds', restored);
  execute format($sql$
    insert into audit.audit_log (%2$s)
    select %2$s from audit.%1$I as c
    where not (%3$s) and not exists (select from audit.audit_log as l where l.id = c.id) order by c.id
    $sql$, restored, audit.log_columns(), outside);
  execute format($sql$
    update audit.audit_partition as p
    set min_seq = least(p.min_seq, c.min_seq), max_seq = greatest(p.max_seq, c.max_seq)
    from (
      select q.name, min(r.seq) as min_seq, max(r.seq) as max_seq
      from audit.%1$I as r join audit.audit_partition as q on r.id >= q.from_id and r.id < q.to_id
      group by q.name
    ) as c
    where p.name = c.name and p.closed_at is not null
    $sql$, restored);
  -- It was in the log, and has the log's guards still. It gets them again when it is attached.
  execute format('alter table audit.%I disable trigger user', restored);
  execute format('delete from audit.%I where not (%s)', restored, outside);
  execute format('alter table audit.%I add constraint audit_log_bounds check (%s)', restored, outside);
  lock table audit.audit_log_default in share mode;
  execute format(
    'insert into audit.%1$I (%2$s) select %2$s from audit.audit_log_default as c '
    'where not exists (select from audit.%1$I as d where d.id = c.id) order by c.id',
    restored, audit.log_columns());
  get diagnostics copied = row_count;
  return copied;
end
$$;
