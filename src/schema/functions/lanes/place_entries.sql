-- Puts the entries of a JSON array into a lane one by one, each after a close look, and returns how
-- many it took. An entry that the lane can never take becomes a dead letter, or raises with its
-- SQLSTATE where "raises" is true, and so does one whose time cannot be read. Rows of the fast lane are arrays of values in the order of
-- typed_rows(), all others objects.
CREATE OR REPLACE FUNCTION "audit"."place_entries"(
  "target" text, "entries" json, "recorder" uuid, "oldest" uuid, "latest" uuid,
  "redacted" boolean, "raises" boolean
) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  bytes integer;
  seen record;
  taken integer := 0;
begin
  for given in select e from json_array_elements(entries) with ordinality as t (e, n) order by n loop
    bytes := octet_length(given::text);
    if target = 'staging' and json_typeof(given) = 'array' then
      given := json_build_object(
        'id', given -> 0, 'occurred_at', given -> 1, 'recorder_seq', given -> 2,
        'user_id', given -> 3, 'event_id', given -> 4, 'target_id', given -> 5,
        'action', given -> 6, 'entity_type', given -> 7, 'request_id', given -> 8,
        'metadata', given -> 9, 'context', given -> 10,
        'outcome', given -> 11 -> 'outcome', 'actor_id', given -> 11 -> 'actor_id',
        'actor_kind', given -> 11 -> 'actor_kind', 'more_targets', given -> 11 -> 'more_targets'
      );
    end if;
    seen := audit.examine(given, bytes, oldest, latest, redacted);
    if raises and coalesce(seen.refusal, seen.time_refusal) is not null then
      raise exception 'audit.record_in refused an entry: %', coalesce(seen.reason, seen.time_fault)
        using errcode = coalesce(seen.refusal, seen.time_refusal);
    end if;
    if seen.refusal is not null then
      perform audit.bury(
        target, case target when 'staging' then 'stage' else 'record' end, seen.refusal, seen.reason,
        seen.given_id, recorder, (seen.entry).recorder_seq, given::text
      );
      continue;
    end if;
    if target = 'staging' then
      seen.entry.recorder_id := recorder;
      insert into audit.audit_staging select (seen.entry).*;
    else
      seen.entry.recorder_seq := null;
      insert into audit.audit_outbox select (seen.entry).*;
    end if;
    taken := taken + 1;
  end loop;
  return taken;
end
$$;
