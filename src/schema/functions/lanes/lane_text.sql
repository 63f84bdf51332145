-- A row of a lane as the text of its dead letter. Who wrote it, and whether it is ours, stand in the
-- letter's own columns and not in the text, which an operator may hand out.
CREATE OR REPLACE FUNCTION "audit"."lane_text"(
  "id" uuid, "occurred_at" timestamptz, "user_id" text, "event_id" text, "target_id" text,
  "recorder_id" uuid, "recorder_seq" bigint, "action" text, "entity_type" text, "request_id" text,
  "metadata" jsonb, "context" jsonb,
  "outcome" text, "actor_id" text, "actor_kind" text, "more_targets" text[]
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select row_to_json(r)::text
  from (
    select id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq,
      action, entity_type, request_id, metadata, context,
      outcome, actor_id, actor_kind, more_targets
  ) as r
$$;
