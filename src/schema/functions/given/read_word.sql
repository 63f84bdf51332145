-- Reads what was given for one of a few words. Another value is kept in "invalid" under the field's
-- name, cut, and marked, without the secrets that stand at "paths".
CREATE OR REPLACE FUNCTION "audit"."read_word"(
  "given" jsonb, "field" text, "words" text[],
  OUT "word" text, OUT "invalid" jsonb, OUT "marks" text[], OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  value text := nullif(given #>> '{}', '');
  seen record;
begin
  invalid := '{}';
  marks := '{}';
  paths := '{}';
  if value is null then
    return;
  end if;
  if value = any(words) then
    word := value;
    return;
  end if;
  if jsonb_typeof(given) in ('object', 'array') then
    seen := audit.censor(given, field, null);
    value := seen.clean #>> '{}';
    paths := seen.paths;
  end if;
  seen := audit.kept_text(field, value);
  invalid := seen.invalid;
  marks := seen.marks;
end
$$;
