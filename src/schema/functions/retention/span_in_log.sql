-- The bounds with which a table comes back into the log for a range of ids. Partitions that were made of
-- that time since may reach beyond the range and hold entries. They are joined with what comes back,
-- because two partitions never overlap: then the bounds are those of all together. "joined" names them.
-- Nobody writes to a partition of that time until the transaction ends. "obstacle" says why it cannot come back, and what to do.
CREATE OR REPLACE FUNCTION "audit"."span_in_log"(
  "log_table" text, "first_id" uuid, "end_id" uuid,
  OUT "from_id" uuid, OUT "to_id" uuid, OUT "joined" text[], OUT "obstacle" text
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  other record;
  is_empty boolean;
begin
  from_id := first_id;
  to_id := end_id;
  joined := '{}';
  if exists (
    select from audit.partition_bounds() as b
    where b.name = log_table and not (b.first_id < span_in_log.end_id and b.end_id > span_in_log.first_id)
  ) then
    obstacle := format('a partition of another time has its name: rename the partition %s', log_table);
    return;
  end if;
  for other in
    select * from audit.partition_bounds() as b
    where b.first_id < span_in_log.end_id and b.end_id > span_in_log.first_id order by b.first_id
  loop
    if other.schema <> 'audit' or not other.is_exact then
      obstacle := format(
        'the partition %I.%I was made by hand for its time: detach that one first', other.schema, other.name);
      return;
    end if;
    execute format('lock table audit.%I in share mode', other.name);
    execute format('select not exists (select from audit.%I)', other.name) into is_empty;
    continue when is_empty; -- it makes way
    from_id := least(from_id, other.first_id);
    to_id := greatest(to_id, other.end_id);
    joined := joined || other.name::text;
  end loop;
  if audit.default_holds(array[first_id], array[end_id]) then
    obstacle := format(
      'DEFAULT holds entries of its time: make a partition of them by "select '
      'audit.ensure_partitions_between(''%s'', ''%s'')", as the keeper, and try again',
      audit.id_time(first_id), audit.id_time(end_id) - interval '1 ms');
  end if;
end
$$;
