-- A document as text. Null where it is longer than 2 MiB, or has a number of more than 1,000 digits.
CREATE OR REPLACE FUNCTION "audit"."readable_text"("document" jsonb) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when pg_column_size(document) <= 1000 and pg_column_compression(document) is null then document::text
    when pg_column_size(document) <= 2097152 and not jsonb_path_exists(document,
      'strict $.** ? (@.type() == "number") ? (@ >= 1e1001 || @ <= -1e1001 || (@ < 1e-1001 && @ > -1e-1001 && @ != 0))')
      then document::text
  end
$$;
