-- Removes a view of an event, or with an empty "event" of those who see every event. Leaves an entry
-- "audit.view_remove", in the same transaction. Returns whether there was such a view. Who removes it is
-- said as in audit.save_view().
CREATE OR REPLACE FUNCTION "audit"."remove_view"(
  "event" text, "view" uuid, "user_id" text, "removed_by" text, "context" jsonb
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  removed audit.audit_view;
  seen record;
begin
  delete from audit.audit_view as v
  where v.event = remove_view.event and v.id = remove_view.view
  returning * into removed;
  if removed.id is null then
    return false;
  end if;
  seen := audit.examine_view(
    removed_by, user_id,
    jsonb_build_object(
      'view', removed.name, 'asked', removed.asked, 'event', nullif(removed.event, ''),
      'savedBy', coalesce(removed.user_id, removed.made_by)),
    context);
  perform audit.put_ours('audit.view_remove', seen.user_id, seen.metadata, seen.context);
  return true;
end
$$;
