-- Whether there is a side of a change in a document, at any depth.
CREATE OR REPLACE FUNCTION "audit"."tells_change"("given" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_path_exists(given, format(
    '$.** ? (@.type() == "object").keyvalue().key ? (@ like_regex "%s" flag "i")', audit.side_pattern()
  )::jsonpath)
$$;
