-- Whether this number under a name of this kind has to be hidden, as hidesNumber() in
-- src/redact/secret-values.ts says it. Counts stay, and 0 says none.
CREATE OR REPLACE FUNCTION "audit"."hides_number"("kind" text, "value" numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case
    when value = 0 then false
    when value <> trunc(value) then kind = 'password'
    when kind in ('password', 'code') then true
    else kind = 'token' and (value > 999 or value < 0)
  end
$$;
