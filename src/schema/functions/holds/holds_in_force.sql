-- The legal holds that are in force.
CREATE OR REPLACE FUNCTION "audit"."holds_in_force"() RETURNS SETOF "audit"."audit_hold"
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.* from audit.audit_hold as h where h.released_at is null order by h.placed_at, h.id
$$;
