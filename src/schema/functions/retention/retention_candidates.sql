-- The partitions that retention looks at, the oldest first: those that are wholly past the shortest
-- policy, and DEFAULT at the end. It asks the catalogue alone. Each is then planned in a statement of its
-- own, because a statement about all of them would lock all of them.
CREATE OR REPLACE FUNCTION "audit"."retention_candidates"() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  shortest interval;
begin
  select min(p.keep) into shortest from audit.policies_in_force() as p;
  if shortest is null then
    return;
  end if;
  return query
    select p.name from audit.audit_partition as p
    where audit.id_time(p.to_id) + shortest <= now() and exists (
      select from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
      where i.inhparent = 'audit.audit_log'::regclass and c.relname = p.name
    )
    order by p.from_id;
  return next 'audit_log_default';
end
$$;
