-- What each step of retention begins with. One session at a time may take such a step; another one gets
-- 55P03 at once and tries again. A step compares what it sees now with what it saw before, so it cannot
-- run in a transaction that sees the past.
CREATE OR REPLACE FUNCTION "audit"."begin_retention"() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  perform audit.require_new_snapshots();
  begin
    perform 1 from audit.audit_retention for update nowait;
  exception when lock_not_available then
    raise exception 'another session runs retention' using errcode = 'lock_not_available';
  end;
end
$$;
