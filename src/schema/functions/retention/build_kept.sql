-- The second step of retention. Makes, next to a partition, the table of what stays of it, and notes
-- what goes, for audit.swap_kept(). It holds no lock of the log but a reader's and removes nothing. A
-- table that an earlier run has left is made again. Returns the number of the swap, null where nothing
-- is due, with the numbers of entries that go, stay, and stay only because of a hold.
--
-- What it read may change until the swap. So the policies and holds are read before any row, the rows
-- are counted before they are copied, and the swap compares both.
CREATE OR REPLACE FUNCTION "audit"."build_kept"(
  "partition" text, OUT "swap" bigint, OUT "removed" bigint, OUT "kept" bigint, OUT "held" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  is_default constant boolean := partition = 'audit_log_default';
  kept_table constant text := partition || '_kept';
  bounds record;
  basis text;
  due text;
  is_held text;
  holds jsonb;
  rows bigint;
  max_seq bigint;
  gone record;
begin
  perform audit.begin_retention();
  bounds := audit.log_partition(partition);
  execute format('drop table if exists audit.%I', kept_table);
  delete from audit.audit_swap as s where s.partition = build_kept.partition and s.state = 'built';
  basis := audit.retention_basis();
  due := audit.due_condition(partition);
  if due is null then
    return;
  end if;
  is_held := audit.held_condition();
  execute format('select count(*), max(p.seq) from audit.%I as p', partition) into rows, max_seq;

  execute format('create table audit.%I (like audit.audit_log including all)', kept_table);
  execute format('alter table audit.%I add constraint audit_log_bounds check (%s)', kept_table,
    case when is_default then audit.outside_of_partitions('{}', '{}')
      else format('id >= %L and id < %L', bounds.from_id, bounds.to_id) end);
  -- A row goes where the condition is true. Null is no reason to remove anything.
  execute format(
    'insert into audit.%1$I (%5$s) select %5$s from audit.%2$I as r '
    'where ((%3$s) and not (%4$s)) is not true order by r.id',
    kept_table, partition, due, is_held, audit.log_columns());
  get diagnostics kept = row_count;
  execute format('select count(*) from audit.%I as r where %s', kept_table, due) into held;
  execute format($gone$
    with gone as (
      select r.seq, r.id from audit.%1$I as r
      where ((%2$s) and not (%3$s)) is true
    ),
    island as (
      select min(g.seq) as first_seq, max(g.seq) as last_seq
      from (select g.seq, g.seq - row_number() over (order by g.seq) as island from gone as g) as g
      group by g.island
    )
    select count(*) as rows, min(g.seq) as first_seq, max(g.seq) as last_seq,
      (array_agg(g.id order by g.id desc))[1] as last_id,
      (select range_agg(int8range(i.first_seq, i.last_seq, '[]'))::text from island as i) as runs
    from gone as g
    $gone$, partition, due, is_held)
  into gone;
  removed := gone.rows;
  if removed = 0 then
    execute format('drop table audit.%I', kept_table);
    return;
  end if;
  execute format('analyze audit.%I', kept_table);
  select coalesce(jsonb_agg(to_jsonb(h)), '[]') into holds from audit.holds_in_force() as h;
  insert into audit.audit_swap (
    partition, from_id, to_id, basis, due, holds, rows, max_seq, removed, kept, held,
    first_seq, last_seq, runs
  )
  values (
    partition,
    coalesce(bounds.from_id, '00000000-0000-0000-0000-000000000000'),
    coalesce(bounds.to_id,
      audit.id_floor(date_trunc('month', audit.id_time(gone.last_id)) + interval '1 month')),
    basis, due, holds, rows, max_seq, removed, kept, held, gone.first_seq, gone.last_seq, gone.runs
  )
  returning audit_swap.swap into build_kept.swap;
end
$$;
