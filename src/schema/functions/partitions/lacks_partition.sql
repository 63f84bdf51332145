-- Whether the catalogue lacks a partition that adopt_partitions could put into it.
CREATE OR REPLACE FUNCTION "audit"."lacks_partition"() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select exists (
    select from audit.partition_bounds() as b
    where b.is_exact and b.schema = 'audit'
      and not exists (
        select from audit.audit_partition as p where p.name = b.name or p.from_id = b.first_id
      )
  )
$$;
