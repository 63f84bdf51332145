-- Whether a JSON value holds a key that names a secret. Each name is decided once. It looks at 34
-- levels: an array of entries, an entry, and the levels of its metadata. What is deeper is cut.
CREATE OR REPLACE FUNCTION "audit"."holds_secret"("given" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select exists (
    select from (
      select distinct name
      from jsonb_path_query(given, 'strict $.**{0 to 34} ? (@.type() == "object")') as object,
        jsonb_object_keys(object) as name
      where audit.may_name_secret(name)
      offset 0
    ) as names
    where audit.secret_kind(name) is not null
  )
$$;
