-- Adds what somebody said about the policy of some actions, and an entry "audit.policy" that says it.
CREATE OR REPLACE FUNCTION "audit"."put_policy"(
  "actions" text, "keep" interval, "removed" boolean, "set_at" timestamptz,
  "effective_at" timestamptz, "why" text
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET intervalstyle = 'postgres' AS $$
  insert into audit.audit_policy (actions, keep, removed, set_at, effective_at, entry)
  select put_policy.actions, put_policy.keep, put_policy.removed, put_policy.set_at,
    put_policy.effective_at,
    audit.put_ours(
      'audit.policy', null,
      jsonb_build_object(
        'actions', put_policy.actions, 'change', put_policy.why, 'keep', put_policy.keep,
        'effectiveAt', put_policy.effective_at
      ),
      jsonb_build_object('databaseLogin', session_user)
    )
$$;
