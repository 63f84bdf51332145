-- Ends a token at once and leaves an entry "audit.token". Returns whether there was such a token that had
-- not been revoked.
CREATE OR REPLACE FUNCTION "audit"."revoke_token"("token" uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
  with revoked as (
    update audit.audit_token as t set revoked_at = clock_timestamp(), revoked_by = session_user
    where t.id = token and t.revoked_at is null returning t.*
  ),
  traced as (
    select audit.put_ours(
      'audit.token', null,
      jsonb_build_object(
        'change', 'revoked', 'id', r.id, 'name', r.name, 'madeBy', r.made_by, 'madeAt', r.made_at),
      jsonb_build_object('databaseLogin', session_user)
    )
    from revoked as r
  )
  select exists (select from traced)
$$;
