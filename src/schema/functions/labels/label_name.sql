-- The name that an entry's context gives to an id of the entry, from its "user" or "actor": at most 200
-- characters. Null where it names nobody, or somebody else: an entry may have another user than the
-- request in which it was recorded.
CREATE OR REPLACE FUNCTION "audit"."label_name"("named" jsonb, "subject" text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when jsonb_typeof(named) = 'object' and jsonb_typeof(named -> 'name') = 'string' and (
      named ->> 'id' = subject
      -- A column of UUIDs prints them in lower case.
      or subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and lower(named ->> 'id') = subject
    )
    then nullif(btrim(left(named ->> 'name', 200)), '')
  end
$$;
