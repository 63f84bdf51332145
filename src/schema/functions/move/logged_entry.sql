-- The log's entry of an id, however old. It is planned for the id each time, so that it plans and locks
-- the one partition that may hold it.
CREATE OR REPLACE FUNCTION "audit"."logged_entry"("given" uuid) RETURNS SETOF audit.audit_log
LANGUAGE plpgsql STABLE STRICT ROWS 1
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
begin
  return query select l.* from audit.audit_log as l where l.id = given;
end
$$;
