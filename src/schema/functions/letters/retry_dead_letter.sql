-- Puts a dead letter's entry back into a lane. Returns 'retried', or 'missing' where there is no
-- such letter. Where the lane refuses the entry again it returns the SQLSTATE, and the letter stays.
-- An entry that the log refuses again becomes a new letter.
--
-- Who wrote the entry, whether it is ours and which recorder it came from stand in the letter's own
-- columns. Its text could say anything.
--
-- It always uses the outbox lane. That lane is LOGGED, as the letter was, so a crash cannot take an
-- entry that it could not take before.
CREATE OR REPLACE FUNCTION "audit"."retry_dead_letter"("letter" bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  given json;
  seen record;
  entry audit.audit_outbox;
begin
  delete from audit.audit_dead_letter where number = letter returning * into dead;
  if not found then
    return 'missing';
  end if;
  if dead.origin = 'move' then
    -- A row that stood in a lane, and so was bounded there. It goes back as it was.
    entry := json_populate_record(null::audit.audit_outbox, dead.entry::json);
    if audit.is_reserved(entry.action) and not dead.ours then
      raise exception using errcode = 'insufficient_privilege';
    end if;
    entry.recorder_id := dead.recorder_id;
    entry.recorder_seq := dead.recorder_seq;
    entry.written_by := coalesce(dead.written_by, session_user);
    entry.ours := dead.ours;
    insert into audit.audit_outbox select entry.*;
    return 'retried';
  end if;
  given := dead.entry::json;
  if json_typeof(given) <> 'array' then
    given := json_build_array(given);
  end if;
  for given in select e from json_array_elements(given) as e loop
    seen := audit.examine(
      given, octet_length(given::text),
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'), audit.latest_id(),
      dead.origin = 'stage'
    );
    if seen.refusal is not null then
      raise exception using errcode = seen.refusal;
    end if;
    entry := seen.entry;
    entry.recorder_id := dead.recorder_id;
    entry.recorder_seq := dead.recorder_seq;
    entry.written_by := coalesce(dead.written_by, session_user);
    insert into audit.audit_outbox select entry.*;
  end loop;
  return 'retried';
exception
  when data_exception or integrity_constraint_violation or program_limit_exceeded
    or statement_too_complex or insufficient_privilege
  then
    return sqlstate; -- Postgres has undone all of the above
end
$$;
