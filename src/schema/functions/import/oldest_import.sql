-- The smallest id that an import may bring in. What a policy has removed from the log stays removed, so
-- it is the retention line where there is one.
CREATE OR REPLACE FUNCTION "audit"."oldest_import"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select greatest(l.oldest_id, audit.retention_line())
  from audit.audit_lane as l where l.lane = 'import'
$$;
