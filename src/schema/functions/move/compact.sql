-- Removes a table's dead rows where VACUUM cannot. While a long transaction holds an old snapshot,
-- every batch leaves dead rows behind, and it takes longer and longer to find the live ones. The
-- function empties the table and puts its live rows (at most 2,000) back. It gets its lock at once
-- or gives up, so nobody waits for it. Returns whether it compacted the table.
--
-- The head's lock comes first. While a relay moves, the function gives up there. If it took the
-- table's lock first, recorders that stage would wait for a compaction that does not happen.
--
-- A statement that waits for the lock meanwhile has an older snapshot and may not see the rows that
-- were put back. It finds the lane empty, or it gets no number from the head and fails; it is then
-- run again.
CREATE OR REPLACE FUNCTION "audit"."compact"("target" text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_rows constant integer := 2000;
  kept_rows jsonb;
begin
  if target is null or target not in ('staging', 'outbox', 'import', 'head', 'recorder') then
    raise exception 'audit.compact knows staging, outbox, import, head and recorder'
      using errcode = 'invalid_parameter_value';
  end if;
  perform 1 from audit.audit_head for update nowait;
  execute format('lock table audit.audit_%s in access exclusive mode nowait', target);
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(t)), ''[]'') from (select * from audit.audit_%s limit %s) as t',
    target, max_rows + 1) into kept_rows;
  if jsonb_array_length(kept_rows) > max_rows then
    return false;
  end if;
  execute format('truncate audit.audit_%s', target);
  execute format(
    'insert into audit.audit_%1$s select * from jsonb_populate_recordset(null::audit.audit_%1$s, $1)',
    target) using kept_rows;
  return true;
exception when lock_not_available then
  return false;
end
$$;
