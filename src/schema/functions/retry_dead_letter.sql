-- Puts a dead letter's entry back into a lane. Returns 'retried', or 'missing' where there is no
-- such letter. Where the lane refuses the entry it returns the SQLSTATE, and the letter stays. An
-- entry that the log refuses again becomes a new letter.
--
-- It always uses the outbox lane. That lane is LOGGED, as the letter was, so a crash cannot take an
-- entry that it could not take before.
CREATE OR REPLACE FUNCTION "audit"."retry_dead_letter"("letter" bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  given json;
begin
  delete from audit.audit_dead_letter where number = letter returning * into dead;
  if not found then
    return 'missing';
  end if;
  given := dead.entry::json;
  if json_typeof(given) = 'object' and given::jsonb ?& array['id', 'occurred_at', 'recorder_seq'] then
    -- A row of a lane that a relay parked.
    insert into audit.audit_outbox
    select * from json_populate_record(null::audit.audit_outbox, given);
  else
    -- What a caller gave to audit.record, which could not take it.
    if json_typeof(given) <> 'array' then
      given := json_build_array(given);
    end if;
    if audit.stage(given) < json_array_length(given) then
      raise exception using errcode = coalesce(dead.sqlstate, '22000');
    end if;
  end if;
  return 'retried';
exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
  return sqlstate; -- Postgres has undone all of the above
end
$$;
