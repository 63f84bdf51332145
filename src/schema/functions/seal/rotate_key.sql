-- Writes down that the log is sealed by another key from now on, so that the change itself is sealed.
CREATE OR REPLACE FUNCTION "audit"."rotate_key"("before" text, "after" text, "reason" text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if num_nulls("before", "after", reason) > 0
    or greatest(char_length("before"), char_length("after"), char_length(reason)) > 1000
  then
    raise exception 'a key or a reason is missing, or longer than 1000 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  return audit.put_ours(
    'audit.key_rotate', null,
    jsonb_build_object('before', "before", 'after', "after", 'reason', reason),
    jsonb_build_object('databaseLogin', session_user)
  );
end
$$;
