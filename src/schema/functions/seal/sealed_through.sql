-- The greatest number below the newest checkpoint: no entry up to it can change unseen. 0 where nothing
-- is sealed.
CREATE OR REPLACE FUNCTION "audit"."sealed_through"() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(max(o.first_seq - 1 + c.size), 0)
  from audit.audit_origin as o
  cross join lateral (
    select p.size from audit.audit_checkpoint as p
    where p.origin = o.origin order by p.size desc limit 1
  ) as c
$$;
