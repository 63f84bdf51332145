-- Puts partitions into the catalogue that are not in it, because they were made by hand, each with its
-- range. Their numbers have no known bound, so readers read them until they are closed. Whose bounds
-- are not two ids, or who is in another schema, stays out, and "audit-relay doctor" names it.
CREATE OR REPLACE FUNCTION "audit"."adopt_partitions"() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  adopted integer;
begin
  insert into audit.audit_partition (name, from_id, to_id)
  select b.name, b.first_id, b.end_id from audit.partition_bounds() as b
  where b.is_exact and b.schema = 'audit'
    and not exists (select from audit.audit_partition as p where p.name = b.name)
  on conflict do nothing;
  get diagnostics adopted = row_count;
  return adopted;
end
$$;
