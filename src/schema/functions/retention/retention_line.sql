-- The retention line: nothing with a smaller id is logged any more, because a policy has removed
-- entries of that time, and one that came later would be there as if it had been kept.
CREATE OR REPLACE FUNCTION "audit"."retention_line"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(
    (select r.line_id from audit.audit_retention as r), '00000000-0000-0000-0000-000000000000')
$$;
