-- Erases the names of a user, in each event. Returns how many were left: each one goes with the last entry that
-- has it.
CREATE OR REPLACE FUNCTION "audit"."erase_labels"("user_id" text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given constant text := audit.hold_id(user_id, 'user');
  erased bigint;
begin
  delete from audit.audit_label as k where k.subject = given;
  get diagnostics erased = row_count;
  return erased;
end
$$;
