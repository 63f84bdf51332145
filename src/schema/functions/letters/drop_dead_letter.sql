-- Deletes a dead letter and returns whether there was such a letter. In the same transaction it
-- records an entry that says which letter it was, why the log had refused it and which login
-- dropped it. It also counts the drop in the account of the letter's recorder. It raises (55006) for a
-- letter that a legal hold is about.
CREATE OR REPLACE FUNCTION "audit"."drop_dead_letter"("letter" bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  seen record;
begin
  perform audit.require_new_snapshots();
  lock table audit.audit_hold in share mode; -- no hold is placed between the look and the deletion
  select d.* into dead from audit.audit_dead_letter as d where d.number = letter for update;
  if not found then
    return false;
  end if;
  seen := audit.hold_on_letter(dead);
  -- The command reads no message, but which table, constraint and column an error names.
  if seen.hold is not null and seen.is_readable then
    raise exception 'dead letter % is held by the legal hold %', letter, seen.hold
      using errcode = 'object_in_use', schema = 'audit', table = 'audit_hold',
        constraint = seen.hold::text;
  elsif seen.hold is not null then
    raise exception 'dead letter % cannot be read, and the legal hold % is in force',
      letter, seen.hold
      using errcode = 'object_in_use', schema = 'audit', table = 'audit_hold',
        constraint = seen.hold::text, column = 'entry';
  end if;
  delete from audit.audit_dead_letter as d where d.number = letter;
  if dead.recorder_id is not null then
    insert into audit.audit_report as r (id, dropped)
    values (dead.recorder_id, '{"dead_letter": 1}')
    on conflict (id) do update set dropped = r.dropped || jsonb_build_object(
      'dead_letter', coalesce((r.dropped ->> 'dead_letter')::bigint, 0) + 1);
  end if;
  perform audit.put_ours(
    'audit.dead_letter_drop', null,
    jsonb_build_object(
      'number', dead.number, 'sqlstate', dead.sqlstate, 'id', left(dead.id, 256),
      'lane', dead.lane, 'diedAt', dead.died_at, 'recorderId', dead.recorder_id,
      'writtenBy', dead.written_by
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return true;
end
$$;
