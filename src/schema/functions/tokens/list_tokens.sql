-- The tokens, oldest first: those in force, and with "ended" also those that are not any more. Never a hash.
CREATE OR REPLACE FUNCTION "audit"."list_tokens"(
  "ended" boolean DEFAULT false, OUT "id" uuid, OUT "name" text, OUT "scope" text,
  OUT "per_minute" integer, OUT "made_by" text, OUT "made_at" text, OUT "expires_at" text,
  OUT "used_at" text, OUT "revoked_by" text, OUT "revoked_at" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select t.id, t.name, t.scope::text, t.per_minute,
    t.made_by, to_json(t.made_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(t.expires_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(t.used_at at time zone 'UTC') #>> '{}' || 'Z',
    t.revoked_by, to_json(t.revoked_at at time zone 'UTC') #>> '{}' || 'Z'
  from audit.audit_token as t
  where ended or (t.revoked_at is null and t.expires_at > clock_timestamp())
  order by t.made_at, t.id
$$;
