-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction. Any
-- language and any trigger can call it. The entries are JSON text with the columns' names as keys, or
-- those of the library: action, user_id, event_id, target_id, entity_type, request_id, metadata,
-- context, occurred_at, id, or userId and so on. What else is given is kept in the context. Values
-- whose key names a secret are censored. Returns how many entries the lane took.
--
-- "redacted" says that the library has made the entries: they are as the lane wants them, and their
-- secrets are censored already.
--
-- It never raises, so it never aborts the caller's transaction. plpgsql cannot catch a cancel, a
-- statement_timeout or a lost connection: those are the exceptions.
CREATE OR REPLACE FUNCTION "audit"."record"("entries" text, "redacted" boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
SET plan_cache_mode = force_generic_plan AS $$
begin
  begin
    return audit.put_entries(entries, redacted is true, false);
  exception
    when data_exception or integrity_constraint_violation
      or program_limit_exceeded or statement_too_complex
    then
      null; -- Postgres has undone it. Some entry is at fault: each gets a look of its own.
  end;
  begin
    return audit.place_entries(
      'outbox', audit.array_of(entries), null,
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'),
      audit.latest_id(), redacted is true, false
    );
  exception
    when data_exception or integrity_constraint_violation
      or program_limit_exceeded or statement_too_complex
    then
      -- The text is not JSON of entries, so the dead letter keeps the text itself.
      perform audit.bury(
        'outbox', 'record', sqlstate, 'not an entry or an array of entries', null, null, null, entries
      );
      return 0;
  end;
exception when others then
  raise warning 'audit.record could not take the entries (SQLSTATE %)', sqlstate;
  return 0;
end
$$;
