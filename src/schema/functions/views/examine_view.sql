-- Looks closely at an entry about a shared view, before it is put into a lane. "user_id" may be any text, as
-- in audit.note_read(): what its column cannot hold goes to context.invalid. It raises where the entry is too
-- large, so that nobody changes a view without one.
CREATE OR REPLACE FUNCTION "audit"."examine_view"(
  "viewer" text, INOUT "user_id" text, INOUT "metadata" jsonb, INOUT "context" jsonb
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  seen record;
begin
  if coalesce(char_length(btrim(viewer)), 0) not between 1 and 128 then
    raise exception 'a view is saved or removed by somebody' using errcode = 'invalid_parameter_value';
  end if;
  given := json_build_object(
    'action', 'log.view', 'user_id', user_id, 'metadata', jsonb_strip_nulls(metadata),
    'context', coalesce(context, '{}') || jsonb_build_object('viewer', btrim(viewer)));
  seen := audit.examine(given, octet_length(given::text), null, null, true);
  if seen.refusal is not null then
    raise exception 'an entry about a view is refused: %', seen.reason using errcode = seen.refusal;
  end if;
  user_id := row_to_json(seen.entry) ->> 'user_id'; -- by JSON, as in note_read()
  metadata := (seen.entry).metadata;
  context := (seen.entry).context;
end
$$;
