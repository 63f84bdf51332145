-- Writes down what a run of verify came to, as an entry "audit.verify" in the outbox lane, together with
-- who could do what to the log at that time: so that an access review has a history. Returns the entry's
-- id.
CREATE OR REPLACE FUNCTION "audit"."note_verify"("result" jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  if jsonb_typeof(result) is distinct from 'object' or octet_length(result::text) > 16384 then
    raise exception 'audit.note_verify takes an object of at most 16 KiB'
      using errcode = 'invalid_parameter_value';
  end if;
  return audit.put_ours(
    'audit.verify', null, result || jsonb_build_object('access', audit.access_review()),
    jsonb_build_object('databaseLogin', session_user)
  );
end
$$;
