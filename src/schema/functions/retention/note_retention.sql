-- Notes what a run of retention has found, for status and metrics: which partitions had to stay and why,
-- and of when the oldest entry of each policy is.
CREATE OR REPLACE FUNCTION "audit"."note_retention"("run" jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  if jsonb_typeof(run) is distinct from 'object' or octet_length(run::text) > 262144 then
    raise exception 'a run of retention must be an object of at most 256 KiB'
      using errcode = 'invalid_parameter_value';
  end if;
  update audit.audit_retention as r set last_run_at = clock_timestamp(), last_run = run;
end
$$;
