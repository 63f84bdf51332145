-- Which server this is: the number that initdb gave to the cluster, and the timeline of its WAL, which
-- changes with each promotion and each recovery to a point in time. Both are null where the server
-- keeps them to itself.
CREATE OR REPLACE FUNCTION "audit"."server_identity"(
  OUT "system_identifier" bigint, OUT "timeline" integer
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  select c.system_identifier into system_identifier from pg_control_system() as c;
  if not pg_is_in_recovery() then
    -- Not from the control file, which tells the timeline of the last checkpoint.
    timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
  end if;
exception when insufficient_privilege then
  null;
end
$$;
