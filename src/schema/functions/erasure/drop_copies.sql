-- Counts entries that came again after something of them was erased. They are dropped, and not even a
-- dead letter: what was erased must not come back by the way of a recorder that still had it. Returns
-- the ids of which that is so. The rows are locked in the order of their ids, so that two moves cannot
-- deadlock.
CREATE OR REPLACE FUNCTION "audit"."drop_copies"("ids" uuid[]) RETURNS uuid[]
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  with locked as materialized (
    select e.id from audit.audit_erasure as e where e.id = any(ids) order by e.id for no key update
  ),
  counted as (
    update audit.audit_erasure as e set copies = e.copies + c.copies
    from (
      select i as id, count(*) as copies from unnest(ids) as i
      where i in (select l.id from locked as l) group by i
    ) as c
    where e.id = c.id
    returning e.id
  )
  select coalesce(array_agg(c.id), '{}') from counted as c
$$;
