-- Whether there is a side of a change in a document, at any depth.
CREATE OR REPLACE FUNCTION "audit"."tells_change"("given" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_path_exists(given, '$.** ? (@.type() == "object").keyvalue().key ? (@ like_regex
    "^(?:from|to|before|after|old|new|prev|previous|lhs|rhs)(?:[_-]?value)?$" flag "i")')
$$;
