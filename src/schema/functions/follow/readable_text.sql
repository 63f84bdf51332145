-- A document as text. Null where that is longer than 2 MiB or cannot be written, or where it has a number of more
-- than 1,000 digits. Its stored size says little about its text: a number of 900 digits may take ten bytes.
CREATE OR REPLACE FUNCTION "audit"."readable_text"("document" jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  most constant integer := 2097152;
  written text;
begin
  if pg_column_size(document) <= 1000 and pg_column_compression(document) is null then
    return document::text;
  end if;
  if pg_column_size(document) > most or jsonb_path_exists(document,
    'strict $.** ? (@.type() == "number") ? (@ >= 1e1001 || @ <= -1e1001 || (@ < 1e-1001 && @ > -1e-1001 && @ != 0))')
  then
    return null;
  end if;
  begin
    written := document::text;
  exception when program_limit_exceeded or out_of_memory or internal_error then
    return null; -- 1 GB is the most that a text can have
  end;
  return case when octet_length(written) <= most then written end;
end
$$;
