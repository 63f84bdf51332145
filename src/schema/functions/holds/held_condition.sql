-- The condition that a hold keeps a row, as SQL. Where there is no hold, no row is asked about.
CREATE OR REPLACE FUNCTION "audit"."held_condition"() RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
begin
  if not exists (select from audit.holds_in_force()) then
    return 'false';
  end if;
  return 'audit.is_held(r.id, r.occurred_at, r.user_id::text, r.event_id::text, r.target_id::text, '
    'r.request_id, r.actor_id::text, r.more_targets::text[])';
end
$$;
