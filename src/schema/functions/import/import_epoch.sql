-- The epoch of the lane of an import. A crash that empties the lane empties its sentinel, too; then
-- the lane gets a new one.
CREATE OR REPLACE FUNCTION "audit"."import_epoch"() RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  found_epoch uuid := (select s.epoch from audit.audit_import_sentinel as s);
begin
  if found_epoch is not null then
    return found_epoch;
  end if;
  -- One session at a time. The others find the new epoch when they get the lock.
  perform 1 from audit.audit_lane as l where l.lane = 'import' for update;
  select s.epoch into found_epoch from audit.audit_import_sentinel as s;
  if found_epoch is null then
    found_epoch := gen_random_uuid();
    insert into audit.audit_import_sentinel (epoch) values (found_epoch);
    update audit.audit_lane as l
    set epoch = found_epoch, epoch_since = clock_timestamp(), resets = l.resets + 1
    where l.lane = 'import';
  end if;
  return found_epoch;
end
$$;
