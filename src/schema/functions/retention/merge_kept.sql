-- Makes one partition of several small neighbours of which retention has nothing to remove: each run of it
-- leaves an entry that is kept forever, and with days as partitions each of them would stay as one. No
-- entry is changed, and no number. Returns the name of the partition, which is that of the first one, or
-- the reason why nothing was done. It fails with 55P03 where a lock was not had in lock_timeout_ms. Then try
-- again.
--
-- - A policy counts from the end of a partition. So the new one is at most a quarter as wide as the
--   shortest policy of what is in it, and a year.
-- - Where something waits for its drop, its partition stays as it is until then.
-- - The rows are copied while the log is in use; they are few.
CREATE OR REPLACE FUNCTION "audit"."merge_kept"(
  "names" text[], "lock_timeout_ms" integer DEFAULT 100,
  OUT "merged" text, OUT "rows" bigint, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  -- As many as one statement may lock, with their indexes.
  max_merged constant integer := 14;
  max_rows constant bigint := 20000;
  first_one constant text := names[1];
  beside constant text := first_one || '_merged';
  aside constant text := first_one || '_parted';
  one text;
  bounds record;
  span_from uuid;
  span_to uuid;
  counted record;
  shortest interval;
  rows_before bigint := 0;
  is_archived boolean := true;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  if coalesce(cardinality(names), 0) not between 2 and max_merged then
    reason := format('from 2 to %s partitions can be merged', max_merged);
    return;
  end if;
  foreach one in array names loop
    bounds := audit.log_partition(one);
    if bounds.from_id is null or bounds.from_id < span_to then
      raise exception 'the partitions to merge must be in the order of their time'
        using errcode = 'invalid_parameter_value';
    end if;
    -- Nobody writes to it from now on.
    execute format('lock table audit.%I in share mode', one);
    span_from := coalesce(span_from, bounds.from_id);
    span_to := bounds.to_id;
    if not exists (
      select from audit.audit_partition as p where p.name = one and p.closed_at is not null
    ) then
      reason := format('%s is not closed yet', one);
    elsif exists (
      select from audit.audit_swap as s
      where s.partition = one and s.state in ('built', 'swapped')
    ) then
      reason := format('what was removed of %s waits for its drop', one);
    elsif audit.due_condition(one) is not null then
      reason := format('entries of %s are due', one);
    end if;
    if reason is not null then
      return;
    end if;
    execute format(
      'select count(*) as rows, (select min(audit.keep_for(a.action)) '
      'from (select distinct p.action from audit.%1$I as p) as a) as keep from audit.%1$I', one)
    into counted;
    rows_before := rows_before + counted.rows;
    shortest := least(shortest, counted.keep);
    is_archived := is_archived
      and not exists (select from audit.archive_due() as d where d.partition = one);
    if rows_before > max_rows then
      reason := format('they hold more than %s entries', max_rows);
      return;
    end if;
  end loop;
  if audit.id_time(span_to) - audit.id_time(span_from) > least(shortest / 4, interval '366 days') then
    reason := 'together they would be wider than a quarter of a policy, or than a year';
  elsif exists (
    select from audit.partition_bounds() as b
    where b.first_id < span_to and b.end_id > span_from and b.name <> all(names)
  ) then
    reason := 'another partition lies between them';
  elsif audit.default_holds(array[span_from], array[span_to]) then
    reason := 'DEFAULT holds entries of their time';
  end if;
  if reason is not null then
    return;
  end if;

  execute format('drop table if exists audit.%I', beside);
  execute format('create table audit.%I (like audit.audit_log including all)', beside);
  rows := audit.join_into(beside, span_from, span_to, names);
  if rows <> rows_before then
    raise exception '% of % entries were copied', rows, rows_before using errcode = 'data_exception';
  end if;
  execute format('analyze audit.%I', beside);
  perform audit.swap_partition(first_one, beside, aside, span_from, span_to, names);
  execute format('drop table audit.%I', aside);
  if is_archived then
    update audit.audit_partition as p set archived_seq = p.max_seq where p.name = first_one;
  end if;
  merged := first_one;
end
$$;
