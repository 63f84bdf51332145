-- Reads an id given as text as a uuid. Returns null where it does not have a uuid's usual form.
CREATE OR REPLACE FUNCTION "audit"."uuid_or_null"("id" text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case when id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then id::uuid end
$$;
