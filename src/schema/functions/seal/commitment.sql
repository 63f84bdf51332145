-- The commitment to one value of an entry, as a JSON string: the SHA-256 of its salt, its column and the
-- value. The salt are the 12 bytes of "keys" that begin at "place". One expression, as leaf_of().
CREATE OR REPLACE FUNCTION "audit"."commitment"(
  "keys" bytea, "place" integer, "column" text, "value" text
) RETURNS text
LANGUAGE sql STABLE AS $$
  select pg_catalog.concat('"', pg_catalog.encode(pg_catalog.sha256(
    pg_catalog.substr(keys, place, 12)
      operator(pg_catalog.||) pg_catalog.convert_to(pg_catalog.concat("column", value), 'UTF8')
  ), 'hex'), '"')
$$;
