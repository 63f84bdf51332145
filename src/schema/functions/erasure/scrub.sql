-- Rewrites a table on disk, so that the bytes of erased fields are in none of its files any more: a row
-- that was changed stays in its page until something else is written there, and VACUUM does not
-- overwrite it. It also gathers the statistics of the table again, because they hold values of it.
-- "place" is one that audit.scrub_places() named, "cut" a transaction's number that is greater than those
-- of all erasures. Returns how large the table was and is.
--
-- - A place of the log is rewritten in the order of its key, and nobody reads or writes it meanwhile. A
--   lane has no key: it is emptied, and its rows are put back.
-- - It fails with 55P03 where a lock was not had in lock_timeout_ms, or a lane holds too much, and with
--   55006 where somebody still sees old rows: they would be kept. Then try again.
-- - It fails where the table's file is the one that it was.
CREATE OR REPLACE FUNCTION "audit"."scrub"(
  "place" text, "cut" text, "lock_timeout_ms" integer, OUT "bytes_before" bigint, OUT "bytes" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
declare
  lane constant text := substring(place from '^audit\.audit_(staging|outbox|import)$');
  is_other constant boolean := place = any(array[
    'audit.audit_dead_letter', 'audit.audit_salt', 'audit.audit_erasure', 'audit.audit_label',
    'audit.audit_search_slice', 'audit.audit_view']);
  target constant regclass := case when lane is not null or is_other then place::regclass
    else audit.place_of(place) end;
  file_before constant oid := pg_relation_filenode(target);
  key text;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  bytes_before := pg_total_relation_size(target);
  if lane is not null then
    if not audit.compact(lane) then
      raise exception 'the lane % is in use, or holds too many entries', lane
        using errcode = 'lock_not_available';
    end if;
  else
    select c.relname into key
    from pg_index as i join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = target and i.indisprimary;
    if key is null then
      raise exception '% has no key, because a restore of an archive is under way or was left', target
        using errcode = 'object_not_in_prerequisite_state',
          hint = '"audit-relay archive drop" drops what a restore has made next to the log.';
    end if;
    execute format('lock table %s in access exclusive mode', target);
    if exists (select from audit.who_sees_erased(cut)) then
      raise exception 'somebody still sees rows of % as they were', target
        using errcode = 'object_in_use', schema = 'audit', table = 'audit_erasure';
    end if;
    execute format('cluster %s using %I', target, key);
    execute format('alter table %s set without cluster', target);
  end if;
  if pg_relation_filenode(target) = file_before then
    raise exception '% was not rewritten: its file is the one that it was', target
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  execute format('analyze %s', target);
  -- Only a person has made statistics of the log as a whole. They hold values of all partitions.
  if lane is null and not is_other and exists (
    select from pg_stats as s
    where s.schemaname = 'audit' and s.tablename = 'audit_log' and s.inherited
  ) then
    analyze audit.audit_log;
  end if;
  bytes := pg_total_relation_size(target);
end
$$;
