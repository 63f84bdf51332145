-- Erases a user from the shared views: forgets that the user saved one, and removes those that name the id
-- of the user. Returns how many views that were.
CREATE OR REPLACE FUNCTION "audit"."erase_views"("user_id" text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given constant text := audit.hold_id(user_id, 'user');
  removed bigint;
  forgotten bigint;
begin
  delete from audit.audit_view as v where audit.view_names(v, given);
  get diagnostics removed = row_count;
  update audit.audit_view as v set user_id = null, made_by = null where v.user_id = given;
  get diagnostics forgotten = row_count;
  return removed + forgotten;
end
$$;
