-- Empties the erased fields of these entries in one place of the log. Which fields that are stands in
-- audit.audit_erasure. Returns how many rows it changed.
--
-- The log's triggers let through what this function does and nothing else: a setting of the transaction says that
-- it runs, and each row is compared with what is on record. A table that was taken out of the log has
-- lost its row trigger and gets it back first, so that nothing else passes there.
CREATE OR REPLACE FUNCTION "audit"."blank_entries"("place" regclass, "ids" uuid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  changed bigint;
begin
  if exists (
    select from pg_trigger as g where g.tgrelid = place and g.tgname = 'audit_log_append_only'
  ) and not exists (
    select from pg_trigger as g where g.tgrelid = place and g.tgname = 'audit_log_row_append_only'
  ) then
    execute format(
      'create trigger audit_log_row_append_only before update or delete on %s '
      'for each row execute function audit.refuse_change()', place);
    execute format('alter table %s enable always trigger audit_log_row_append_only', place);
  end if;
  perform set_config('audit.erasing', 'yes', true);
  execute format($query$
    update %s as r set
      user_id = case when 'user_id' = any(e.fields) then null else r.user_id end,
      actor_id = case when 'actor_id' = any(e.fields) then null else r.actor_id end,
      target_id = case when 'target_id' = any(e.fields) then null else r.target_id end,
      more_targets = case when 'more_targets' = any(e.fields) then null else r.more_targets end,
      request_id = case when 'request_id' = any(e.fields) then null else r.request_id end,
      metadata = case when 'metadata' = any(e.fields) then '{}' else r.metadata end,
      context = case when 'context' = any(e.fields) then '{}' else r.context end
    from audit.audit_erasure as e
    where r.id = any($1) and e.seq = r.seq and e.id = r.id
    $query$, place)
  using ids;
  get diagnostics changed = row_count;
  perform set_config('audit.erasing', '', true);
  return changed;
end
$$;
