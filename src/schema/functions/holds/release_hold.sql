-- Releases a legal hold and leaves an entry "audit.hold_release". The hold's row stays, with who
-- released it and when. Returns whether there was such a hold in force.
CREATE OR REPLACE FUNCTION "audit"."release_hold"("hold" uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
  with released as (
    update audit.audit_hold as h set released_at = clock_timestamp(), released_by = session_user
    where h.id = hold and h.released_at is null returning h.*
  ),
  traced as (
    select audit.put_ours(
      'audit.hold_release', null,
      jsonb_build_object(
        'hold', r.id, 'reason', r.reason, 'placedBy', r.placed_by, 'placedAt', r.placed_at),
      jsonb_build_object('databaseLogin', session_user)
    )
    from released as r
  )
  select exists (select from traced)
$$;
