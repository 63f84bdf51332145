-- Reads the text of one entry, or of an array of entries, as an array. It raises for anything else.
CREATE OR REPLACE FUNCTION "audit"."array_of"("entries" text) RETURNS json
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json := entries::json;
begin
  if json_typeof(given) = 'object' then
    return json_build_array(given);
  end if;
  if json_typeof(given) is distinct from 'array' then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'invalid_json_text';
  end if;
  return given;
end
$$;
