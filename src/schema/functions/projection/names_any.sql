-- Whether one of some keys, in small letters, is in a document, in a key or in a text. It may say so of one that
-- is not. A look at the text costs least, and some documents the server cannot make a text: 1e1000 is short as
-- jsonb.
CREATE OR REPLACE FUNCTION "audit"."names_any"("given" jsonb, "keys" text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
declare
  key text;
  document text;
begin
  if pg_column_size(given) <= 1000 and pg_column_compression(given) is null then
    document := lower(given::text);
    foreach key in array keys loop
      if strpos(document, btrim(to_json(key)::text, '"')) > 0 then
        return true;
      end if;
    end loop;
    return false;
  end if;
  foreach key in array keys loop
    if jsonb_path_exists(given, format(
        '$.** ? (@.type() == "string" && @ like_regex %1$s flag "iq"
          || @.type() == "object" && exists(@.keyvalue().key ? (@ like_regex %1$s flag "iq")))',
        to_json(key))::jsonpath, '{}', true)
      or key ~ '^[0-9]+$'
    then
      return true;
    end if;
  end loop;
  return false;
end
$$;
