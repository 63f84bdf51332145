-- The condition on the rows of a partition whose policy is over, as SQL: which actions are due. Null
-- where none is. A policy counts from the end of a partition, so that the partition goes as a whole. Of
-- DEFAULT a row counts from the end of the month of its id. An id from elsewhere holds no time; as a
-- rule it looks like one of the far future, and stays.
CREATE OR REPLACE FUNCTION "audit"."due_condition"("partition" text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  end_id uuid := (audit.log_partition(partition)).to_id;
  actions text[];
  condition text;
begin
  -- From each action straight to the next one, by the index: to read all rows takes seconds.
  execute format($next$
    with recursive seen as (
      (select p.action from audit.%1$I as p order by p.action limit 1)
      union all
      select (select p.action from audit.%1$I as p where p.action > s.action order by p.action limit 1)
      from seen as s where s.action is not null
    )
    select array_agg(s.action order by s.action) from seen as s where s.action is not null
    $next$, partition)
  into actions;
  if end_id is not null then
    select format('r.action = any(%L::text[])', array_agg(a.action order by a.action)) into condition
    from unnest(actions) as a (action)
    where audit.id_time(end_id) + audit.keep_for(a.action) <= now()
    having count(*) > 0;
  else
    select string_agg(
      format('r.id < %L and r.action = any(%L::text[])', c.before_id, c.actions), ' or '
      order by c.before_id
    ) into condition
    from (
      select k.before_id, array_agg(k.action order by k.action) as actions
      from (
        select a.action,
          audit.id_floor(date_trunc('month', now() - audit.keep_for(a.action))) as before_id
        from unnest(actions) as a (action)
      ) as k
      where k.before_id is not null
      group by k.before_id
    ) as c;
  end if;
  return condition;
end
$$;
