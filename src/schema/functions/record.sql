-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction. Any
-- language and any trigger can call it. The entries are JSON text with the columns' names as keys:
-- action, user_id, event_id, target_id, entity_type, request_id, metadata, context, occurred_at,
-- id. Returns how many entries the lane took.
--
-- It never raises, so it never aborts the caller's transaction. plpgsql cannot catch a cancel, a
-- statement_timeout or a lost connection: those are the exceptions.
CREATE OR REPLACE FUNCTION "audit"."record"("entries" text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
declare
  given json;
begin
  begin
    given := entries::json;
    if json_typeof(given) = 'object' then
      given := json_build_array(given);
    end if;
    if json_typeof(given) is distinct from 'array' then
      raise exception using errcode = 'invalid_json_text';
    end if;
    return audit.stage(given);
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- The text is not JSON of entries, so the dead letter keeps the text itself.
    insert into audit.audit_dead_letter (lane, sqlstate, reason, entry)
    values ('outbox', sqlstate, 'not an entry or an array of entries', entries);
    return 0;
  end;
exception when others then
  raise warning 'audit.record could not take the entries (SQLSTATE %)', sqlstate;
  return 0;
end
$$;
