-- What a token may see, by its SHA-256. No row where there is no such token, or it has ended. How
-- long it takes tells nothing about a guess: what is looked up is the hash of the guess, of which
-- nobody can choose the first bytes.
--
-- The time of the use is written at most once a minute, never twice at a time, and not where the
-- transaction may only read, as on a standby.
CREATE OR REPLACE FUNCTION "audit"."use_token"(
  "hash" bytea, OUT "id" uuid, OUT "name" text, OUT "scope" text, OUT "per_minute" integer
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  found_token record;
begin
  select t.id, t.name, t.scope, t.per_minute, t.used_at into found_token
  from audit.audit_token as t
  where t.hash = use_token.hash and t.revoked_at is null and t.expires_at > clock_timestamp();
  if found_token.id is null then
    return;
  end if;
  if current_setting('transaction_read_only') = 'off'
    and coalesce(found_token.used_at < clock_timestamp() - interval '1 minute', true)
  then
    update audit.audit_token as t set used_at = clock_timestamp()
    where t.id = (
      select u.id from audit.audit_token as u where u.id = found_token.id
      for no key update skip locked
    );
  end if;
  id := found_token.id;
  name := found_token.name;
  scope := found_token.scope::text;
  per_minute := found_token.per_minute;
  return next;
end
$$;
