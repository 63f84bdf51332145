-- Reads what was given for an id. An object gives its id, and is marked. A number is taken by its
-- digits where it is written as digits alone. What the columns cannot hold is kept in "invalid" under
-- the field's name, cut, and marked, without the secrets that stand at "paths". Text columns hold any
-- text; a longer one than the bound is cut.
CREATE OR REPLACE FUNCTION "audit"."read_id"(
  "given" json, "field" text, "ids_are_text" boolean,
  OUT "id" text, OUT "invalid" jsonb, OUT "marks" text[], OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  own json := given;
  is_value boolean := true;
  value text;
  is_id boolean;
  kept record;
  seen record;
begin
  invalid := '{}';
  marks := '{}';
  paths := '{}';
  if json_typeof(given) = 'object' then
    if json_typeof(given -> 'id') in ('string', 'number') and given ->> 'id' <> '' then
      own := given -> 'id';
      marks := array[field || '.object'];
    else
      seen := audit.censor(given::jsonb, field, null);
      own := seen.clean;
      paths := seen.paths;
      is_value := false;
    end if;
  end if;
  value := nullif(own #>> '{}', '');
  if value is null then
    return;
  end if;
  is_id := case
    when not ids_are_text then audit.uuid_or_null(value) is not null
    when json_typeof(own) = 'number' then value ~ '^(?:0|-?[1-9][0-9]*)$'
    else is_value and json_typeof(own) = 'string'
  end;
  if not is_id then
    kept := audit.kept_text(field, value);
    invalid := kept.invalid;
    marks := marks || kept.marks;
    return;
  end if;
  id := left(value, audit.bound('text_characters')::integer);
  if id <> value then
    marks := marks || (field || '.truncated');
  end if;
end
$$;
