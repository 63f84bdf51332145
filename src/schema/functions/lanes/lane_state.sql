-- The fast lane's epoch, and the smallest running number of this recorder that still waits in the
-- lane (null where none waits). While the epoch stays the same, every entry below that number is
-- logged.
CREATE OR REPLACE FUNCTION "audit"."lane_state"(
  "recorder" uuid, OUT "epoch" uuid, OUT "first_waiting" bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  -- The lock comes first. Compaction empties the table and puts its rows back. A statement that
  -- waits for compaction has an older snapshot: it would find no rows and call every entry logged.
  lock table audit.audit_staging in access share mode;
  select
    (select s.epoch from audit.audit_sentinel as s),
    (select min(w.recorder_seq) from audit.audit_staging as w where w.recorder_id = recorder)
  into epoch, first_waiting;
end
$$;
