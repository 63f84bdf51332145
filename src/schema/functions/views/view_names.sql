-- Whether what a view is called or asks for holds the id of a user.
CREATE OR REPLACE FUNCTION "audit"."view_names"("view" audit.audit_view, "user_id" text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select strpos(lower("view".name), lower(user_id)) > 0 or exists (
    select from jsonb_each_text("view".asked) as p where strpos(lower(p.value), lower(user_id)) > 0)
$$;
