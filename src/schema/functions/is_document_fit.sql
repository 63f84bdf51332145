-- Whether a lane takes metadata or context exactly as it is; "printed" is its text as Postgres prints
-- it, or null for one of 16 KiB or more: some bytes can hold a number of 131,072 digits. Null and
-- false say that examine() has to look: it is no object, or may be more than 32 levels deep (with
-- fewer than 264 bytes it cannot be), or may hold a number of more than 1,000 digits (a text of 1,000
-- bytes cannot, and one that can has 24 digits side by side).
CREATE OR REPLACE FUNCTION "audit"."is_document_fit"("document" jsonb, "printed" text)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  select ascii(printed) = 123
    and (pg_column_size(document) < 264 or not jsonb_path_exists(document, 'strict $.**{32}'))
    and (octet_length(printed) <= 1000 or printed !~ '[0-9]{24}' collate "C")
$$;
