-- Whether fields of an entry of this action can be erased. Of the product's own entries only those that
-- say who read, or who shared a view, can: the others say that something else is missing, and must not go
-- themselves.
CREATE OR REPLACE FUNCTION "audit"."is_erasable"("action" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select action in ('audit.read', 'audit.read_denied', 'audit.view_save', 'audit.view_remove')
    or not audit.is_reserved(action)
$$;
