-- Puts rows into the lane of an import one by one, each after a close look. Each row is an array of
-- values in the order of typed_rows(). Returns those that cannot be taken: the number that the import
-- gave each, the SQLSTATE and the reason. The importer lists them, so they are no dead letters.
CREATE OR REPLACE FUNCTION "audit"."place_imported"(
  "entries" json, "recorder" uuid, "oldest" uuid, "latest" uuid
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  seen record;
  refused jsonb := '[]';
begin
  for given in select e from json_array_elements(entries) with ordinality as t (e, n) order by n loop
    seen := audit.examine(
      json_build_object(
        'id', given -> 0, 'occurred_at', given -> 1, 'recorder_seq', given -> 2,
        'user_id', given -> 3, 'event_id', given -> 4, 'target_id', given -> 5,
        'action', given -> 6, 'entity_type', given -> 7, 'request_id', given -> 8,
        'metadata', given -> 9, 'context', given -> 10,
        'outcome', given -> 11 -> 'outcome', 'actor_id', given -> 11 -> 'actor_id',
        'actor_kind', given -> 11 -> 'actor_kind', 'more_targets', given -> 11 -> 'more_targets'
      ),
      octet_length(given::text), oldest, latest, true
    );
    if seen.refusal is not null then
      refused := refused || jsonb_build_object(
        'number', (given ->> 2)::bigint, 'sqlstate', seen.refusal, 'reason', seen.reason
      );
    else
      seen.entry.recorder_id := recorder;
      insert into audit.audit_import select (seen.entry).*;
    end if;
  end loop;
  return refused;
end
$$;
