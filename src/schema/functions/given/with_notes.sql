-- A context with more notes in its list "degraded" or "redacted", each once. At most 20 are added, as
-- in the library, and then "..." says that there were more.
CREATE OR REPLACE FUNCTION "audit"."with_notes"("context" jsonb, "name" text, "notes" text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  list jsonb := case jsonb_typeof(context -> name) when 'array' then context -> name else '[]' end;
  note text;
begin
  if notes = '{}' then
    return context;
  end if;
  foreach note in array case when cardinality(notes) > 20 then notes[1:20] || '...'::text else notes end
  loop
    if not list ? left(note, 256) then
      list := list || to_jsonb(left(note, 256));
    end if;
  end loop;
  return context || jsonb_build_object(name, list);
end
$$;
