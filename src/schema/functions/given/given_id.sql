-- What an entry says under a column's name, or under the library's name where that is missing or null:
-- as it is written, because jsonb would write 1e3 as 1000.
CREATE OR REPLACE FUNCTION "audit"."given_id"("given" json, "column_name" text, "field" text)
RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case when coalesce(json_typeof(given -> column_name), 'null') = 'null' then given -> field
    else given -> column_name end
$$;
