-- Begins a new history of the log: from now on its numbers may be those that another copy of it gave
-- to other entries, as after a restore. The log says so itself, with the old history and the last
-- entry that is here. Readers that go on from a cursor of the old history stop and are told.
CREATE OR REPLACE FUNCTION "audit"."begin_history"("reason" text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  new_history constant uuid := gen_random_uuid();
  head audit.audit_head;
begin
  select * into head from audit.audit_head for update;
  update audit.audit_head as h
  set history = new_history, system_identifier = s.system_identifier, timeline = s.timeline
  from audit.server_identity() as s;
  insert into audit.audit_history (history, first_seq, at)
  values (new_history, head.seq + 1, clock_timestamp());
  perform audit.put_ours(
    'audit.restored', null,
    jsonb_build_object(
      'reason', reason, 'historyBefore', head.history, 'history', new_history,
      'lastSeq', head.seq,
      'lastId', audit.id_of_seq(head.seq)
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return new_history;
end
$$;
