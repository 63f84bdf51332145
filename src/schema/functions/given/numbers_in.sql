-- All numbers in two documents, at whatever depth.
CREATE OR REPLACE FUNCTION "audit"."numbers_in"("metadata" jsonb, "context" jsonb)
RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select value::numeric
  from (values (metadata), (context)) as documents (document)
  cross join lateral jsonb_path_query(document, 'strict $.** ? (@.type() == "number")') as value
$$;
