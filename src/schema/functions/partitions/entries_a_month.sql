-- How many entries a month the log gets, by estimate: by the rows of the last two partitions that are
-- closed, or of as many as cover four weeks, and by what the open one got so far, whichever is more.
-- The open one counts once its entries span a day, and next to closed ones once they span a week.
CREATE OR REPLACE FUNCTION "audit"."entries_a_month"() RETURNS double precision
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  days_a_month constant double precision := 30.44;
  closed double precision;
  open_one record;
  first_id uuid;
  days double precision;
  opened double precision := 0;
begin
  select sum(c.rows) / sum(c.days) * days_a_month into closed
  from (
    select p.rows, p.days, row_number() over newest as nth,
      coalesce(sum(p.days) over (newest rows between unbounded preceding and 1 preceding), 0) as later
    from (
      select p.rows, p.from_id,
        extract(epoch from audit.id_time(p.to_id) - audit.id_time(p.from_id)) / 86400 as days
      from audit.audit_partition as p where p.closed_at is not null and p.rows is not null
    ) as p
    where p.days between 0.5 and 31.5
    window newest as (order by p.from_id desc)
  ) as c
  where c.nth <= 2 or c.later < 28;

  select b.table_id, b.first_id, b.end_id, c.reltuples, c.relpages into open_one
  from audit.partition_bounds() as b join pg_class as c on c.oid = b.table_id
  where audit.id_floor(now()) >= b.first_id and audit.id_floor(now()) < b.end_id;
  if found then
    execute format('select l.id from audit.audit_log as l where l.id >= %L and l.id < %L order by l.id limit 1',
      open_one.first_id, open_one.end_id) into first_id;
    days := extract(epoch from now() - audit.id_time(first_id)) / 86400;
    if days >= (case when closed is null then 1 else 7 end) then
      -- As the planner does it: by the pages, which are known, and the rows on each when last counted.
      opened := pg_relation_size(open_one.table_id) / current_setting('block_size')::bigint
        * case when open_one.reltuples > 0 and open_one.relpages > 0
            then open_one.reltuples / open_one.relpages else 20 end
        / days * days_a_month;
    end if;
  end if;
  return greatest(closed, opened, 0);
end
$$;
