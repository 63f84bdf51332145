-- Whether a legal hold forbids to remove this entry. Everything that removes asks, after it has locked
-- audit_hold in SHARE mode, so that no hold can be placed between the answer and the removal. One
-- plan serves all entries: to make a plan takes much longer than the look.
CREATE OR REPLACE FUNCTION "audit"."is_held"(
  "id" uuid, "occurred_at" timestamptz, "user_id" text, "event_id" text, "target_id" text,
  "request_id" text, "actor_id" text, "more_targets" text[]
) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  return audit.hold_on(
    array[user_id, actor_id], array[event_id], target_id || more_targets, array[request_id],
    array[occurred_at, audit.id_time(id)]
  ) is not null;
end
$$;
