-- Whether a lane takes metadata or context exactly as it is. Null and false say that examine() has to
-- look: it is no object, or may be more than 32 levels deep (with fewer than 264 bytes it cannot be),
-- or may hold a number of more than 1,000 digits. "is_plain" says that the text that it came in holds
-- none. Otherwise "printed" tells: its text as Postgres prints it, or null for one of 16 KiB or more,
-- because some bytes can hold a number of 131,072 digits. A text of 1,000 bytes holds no such number,
-- and one that does has 24 digits side by side.
CREATE OR REPLACE FUNCTION "audit"."is_document_fit"(
  "document" jsonb, "printed" text, "is_plain" boolean
) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  select jsonb_typeof(document) = 'object'
    and (pg_column_size(document) < 264 or not jsonb_path_exists(document, 'strict $.**{32}'))
    and (is_plain or octet_length(printed) <= 1000 or printed !~ '[0-9]{24}' collate "C")
$$;
