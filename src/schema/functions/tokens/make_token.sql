-- Makes a token, of which the caller has made the secret and gives the SHA-256 alone, so that the secret
-- is in no statement and in no log of the server. Leaves an entry "audit.token". Returns the token's id.
CREATE OR REPLACE FUNCTION "audit"."make_token"(
  "name" text, "hash" bytea, "scope" jsonb, "per_minute" integer, "expires_at" timestamptz
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
declare
  made audit.audit_token;
begin
  made.name := btrim(name);
  if coalesce(char_length(made.name), 0) not between 1 and 128 then
    raise exception 'a token needs a name of 1 to 128 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  if octet_length(hash) is distinct from 32 then
    raise exception 'a token is given by its SHA-256' using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(scope) is distinct from 'object' or octet_length(scope::text) > 65536
    or ((scope ? 'sees')::integer + (scope ? 'onlyEventId')::integer) <> 1
  then
    raise exception 'a token sees everything or one event'
      using errcode = 'invalid_parameter_value';
  end if;
  if per_minute is null or per_minute not between 1 and 6000 then
    raise exception 'a token has 1 to 6000 requests in a minute'
      using errcode = 'invalid_parameter_value';
  end if;
  if expires_at is null or expires_at <= clock_timestamp()
    or expires_at > clock_timestamp() + interval '5 years'
  then
    raise exception 'a token ends within five years' using errcode = 'invalid_parameter_value';
  end if;
  made.id := gen_random_uuid();
  made.hash := hash;
  made.scope := scope;
  made.per_minute := per_minute;
  made.expires_at := expires_at;
  made.made_by := session_user;
  made.made_at := clock_timestamp();
  insert into audit.audit_token select made.*;
  perform audit.put_ours(
    'audit.token', null,
    jsonb_build_object(
      'change', 'made', 'id', made.id, 'name', made.name, 'scope', made.scope,
      'perMinute', made.per_minute, 'expiresAt', made.expires_at),
    jsonb_build_object('databaseLogin', session_user)
  );
  return made.id;
end
$$;
