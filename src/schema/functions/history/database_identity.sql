-- Which database of which server this is, so that what a process has left on disk is not staged in
-- another one. The number of the server is null where the server keeps it to itself.
CREATE OR REPLACE FUNCTION "audit"."database_identity"(
  OUT "system_identifier" bigint, OUT "database" oid
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select s.system_identifier, d.oid
  from audit.server_identity() as s cross join pg_database as d
  where d.datname = current_database()
$$;
