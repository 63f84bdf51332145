-- Whether DEFAULT holds a row of one of these ranges of ids. It asks the index once for each.
CREATE OR REPLACE FUNCTION "audit"."default_holds"("first_ids" uuid[], "end_ids" uuid[])
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
declare
  is_held boolean;
begin
  for range in 1 .. cardinality(first_ids) loop
    execute 'select exists (select from audit.audit_log_default where id >= $1 and id < $2)'
    into is_held using first_ids[range], end_ids[range];
    if is_held then
      return true;
    end if;
  end loop;
  return false;
end
$$;
