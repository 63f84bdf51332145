-- Finds out whether this is still the log that a relay knows, and returns the last entry that it holds
-- now, for the next call. A relay calls it when it starts and every few seconds.
--
-- state is
-- - 'same': nothing has changed;
-- - 'moved': the server is on another timeline and nothing that the relay knows is missing, as after a
--   clean switch to a standby; the log says so, in the same history;
-- - 'new': another server, so a new history has begun, or somebody else has begun one. A dump holds
--   the fast lane and its sentinel together, so the function declares a gap in that lane, too;
-- - 'lost': the last entry that the relay knows is not there any more. Nothing was changed: only
--   "audit-relay restored" begins a new history then.
CREATE OR REPLACE FUNCTION "audit"."identify"(
  "known_history" uuid, "known_seq" bigint, "known_id" uuid,
  OUT "state" text, OUT "history" uuid, OUT "seq" bigint, OUT "id" uuid
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  head audit.audit_head;
  server record;
  is_known boolean := true;
begin
  select * into head from audit.audit_head;
  select * into server from audit.server_identity();
  state := 'same';
  if head.history is distinct from known_history then
    state := case when known_history is null then 'same' else 'new' end;
  elsif known_id is not null then
    -- With its values the statement is planned for one partition. A plan that is kept locks all.
    execute 'select exists (select from audit.audit_log as l where l.id = $1 and l.seq = $2)'
    into is_known using known_id, known_seq;
    -- What a policy removed is not lost.
    is_known := is_known or exists (
      select from audit.audit_removed as r where known_seq between r.first_seq and r.last_seq
    );
    state := case when is_known then 'same' else 'lost' end;
  end if;
  if state <> 'lost' and (server.system_identifier, server.timeline)
    is distinct from (head.system_identifier, head.timeline) and server.system_identifier is not null
  then
    -- One relay writes it down. Where another session holds the head, the next call looks again.
    select * into head from audit.audit_head for update skip locked;
    if not found then
      select * into head from audit.audit_head;
    elsif head.system_identifier is null then
      update audit.audit_head as h
      set system_identifier = server.system_identifier, timeline = server.timeline;
    elsif head.system_identifier <> server.system_identifier then
      delete from audit.audit_sentinel;
      delete from audit.audit_import_sentinel;
      perform audit.declare_gap();
      perform audit.begin_history('another system identifier');
      state := 'new';
    elsif head.timeline is distinct from server.timeline then
      update audit.audit_head as h set timeline = server.timeline;
      perform audit.put_ours(
        'audit.moved', null,
        jsonb_build_object(
          'history', head.history, 'timelineBefore', head.timeline, 'timeline', server.timeline,
          'lastSeq', head.seq),
        '{}'
      );
      state := 'moved';
    end if;
    select * into head from audit.audit_head;
  end if;
  history := head.history;
  seq := head.seq;
  id := audit.id_of_seq(head.seq);
end
$$;
