-- The condition that an id lies neither in a partition of the log nor in one of these ranges: what
-- DEFAULT holds once the ranges are partitions, too. Ranges that meet are joined, because Postgres
-- compares each with each when it attaches DEFAULT.
CREATE OR REPLACE FUNCTION "audit"."outside_of_partitions"("first_ids" uuid[], "end_ids" uuid[])
RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  with partition as (
    select
      pg_get_partition_constraintdef(c.oid) as condition,
      regexp_match(pg_get_expr(c.relpartbound, c.oid),
        '^FOR VALUES FROM [(]''([0-9a-f-]{36})''[)] TO [(]''([0-9a-f-]{36})''[)]$') as bounds
    from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
    where i.inhparent = 'audit.audit_log'::regclass
      and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
  ),
  range as (
    select p.bounds[1]::uuid as first_id, p.bounds[2]::uuid as end_id from partition as p
    where p.bounds is not null
    union all
    select r.first_id, r.end_id from unnest(first_ids, end_ids) as r (first_id, end_id)
  ),
  begun as (
    select r.*, r.first_id is distinct from lag(r.end_id) over (order by r.first_id) as is_apart
    from range as r
  ),
  numbered as (
    select b.*, count(*) filter (where b.is_apart) over (order by b.first_id) as island from begun as b
  ),
  joined as (
    select format('(id < %L or id >= %L)',
      (array_agg(n.first_id order by n.first_id))[1],
      (array_agg(n.end_id order by n.first_id desc))[1]) as condition
    from numbered as n group by n.island
    union all
    select format('not (%s)', p.condition) from partition as p where p.bounds is null
  )
  select string_agg(j.condition, ' and ') from joined as j
$$;
