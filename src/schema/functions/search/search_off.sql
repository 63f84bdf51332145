-- Turns the search off, and drops all of it. Returns whether it was on.
CREATE OR REPLACE FUNCTION "audit"."search_off"() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
begin
  delete from audit.audit_follow as f where f.consumer = 'search';
  if not found then
    return false;
  end if;
  truncate audit.audit_search_slice, audit.audit_search_run, audit.audit_search_block;
  return true;
end
$$;
