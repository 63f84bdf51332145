-- Forgets who saved a view, where the entry that says so is one of these, of which something was erased.
CREATE OR REPLACE FUNCTION "audit"."forget_makers"("entries" uuid[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_view as v set user_id = null, made_by = null where v.entry = any(entries)
$$;
