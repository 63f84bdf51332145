-- Puts an entry of the product's own into the outbox lane, for the functions that make one. Nobody
-- else may call it.
CREATE OR REPLACE FUNCTION "audit"."put_ours"(
  "action" text, "user_id" uuid, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_outbox (
    id, occurred_at, user_id, action, entity_type, metadata, context, ours
  )
  values (
    audit.new_id(), clock_timestamp(), put_ours.user_id, put_ours.action, 'audit',
    put_ours.metadata, put_ours.context, true
  )
  returning id
$$;
