-- Notes that all that was erased up to "began" is in no file of a table any more. Returns how many
-- entries that are.
CREATE OR REPLACE FUNCTION "audit"."end_scrub"("began" timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  with scrubbed as (
    update audit.audit_erasure as e set scrubbed_at = clock_timestamp()
    where e.scrubbed_at is null and e.erased_at <= began
    returning 1
  )
  select count(*) from scrubbed
$$;
