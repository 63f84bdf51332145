-- Removes the policy of some actions: the next less exact one holds, or they are kept forever.
-- Returns from when on, as set_policy() does; null where there is no such policy.
CREATE OR REPLACE FUNCTION "audit"."remove_policy"(
  "actions" text, OUT "effective_at" timestamptz, OUT "is_new" boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
begin
  select c.effective_at, c.is_new into effective_at, is_new
  from audit.change_policy(actions, null, true) as c;
end
$$;
