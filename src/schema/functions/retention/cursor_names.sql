-- The readers that have a name, so that nobody asks to ignore one that there is not.
CREATE OR REPLACE FUNCTION "audit"."cursor_names"() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select c.name from audit.audit_cursor as c order by c.name
$$;
