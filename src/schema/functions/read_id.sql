-- Reads what was given for an id. An object gives its id, and is marked. What is no UUID is kept in
-- "invalid" under the field's name, cut, and marked.
CREATE OR REPLACE FUNCTION "audit"."read_id"(
  "given" jsonb, "field" text, OUT "id" uuid, OUT "invalid" jsonb, OUT "marks" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  own jsonb := given;
  value text;
  kept record;
begin
  invalid := '{}';
  marks := '{}';
  if jsonb_typeof(given) = 'object' then
    if jsonb_typeof(given -> 'id') in ('string', 'number') and given ->> 'id' <> '' then
      own := given -> 'id';
      marks := array[field || '.object'];
    else
      own := (audit.censor(given, field, null)).clean;
    end if;
  end if;
  value := nullif(own #>> '{}', '');
  id := audit.uuid_or_null(value);
  if id is null and value is not null then
    kept := audit.kept_text(field, value);
    invalid := kept.invalid;
    marks := marks || kept.marks;
  end if;
end
$$;
