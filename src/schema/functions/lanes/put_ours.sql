-- Puts an entry of the product's own into the outbox lane, for the functions that make one. Nobody
-- else may call it. A user's id is given as text and takes the type of the lane's column.
CREATE OR REPLACE FUNCTION "audit"."put_ours"(
  "action" text, "user_id" text, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  entry audit.audit_outbox;
begin
  entry.id := audit.new_id();
  entry.occurred_at := clock_timestamp();
  select put_ours.user_id into entry.user_id; -- as in examine()
  entry.action := put_ours.action;
  entry.entity_type := 'audit';
  entry.metadata := put_ours.metadata;
  entry.context := put_ours.context;
  entry.written_by := session_user;
  entry.ours := true;
  insert into audit.audit_outbox select entry.*;
  return entry.id;
end
$$;
