-- Whether a document names a user, whose path audit.naming_path() made. A look at the text of a small
-- document is twenty times as fast as the path, and most documents are small and do not name the user.
-- Postgres puts it into the plan of its caller, which pins the search_path.
CREATE OR REPLACE FUNCTION "audit"."holds_id"("document" jsonb, "user_id" text, "path" jsonpath)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select case
    when pg_column_size(document) <= 1000 and pg_column_compression(document) is null
      and strpos(lower(document::text), lower(user_id)) = 0 then false
    else jsonb_path_exists(document, path, '{}', true)
  end
$$;
