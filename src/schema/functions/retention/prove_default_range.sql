-- Reads DEFAULT for the CHECK that audit.note_default_range() has noted. The log is read and written
-- meanwhile.
CREATE OR REPLACE FUNCTION "audit"."prove_default_range"() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  alter table audit.audit_log_default validate constraint audit_log_default_range;
end
$$;
