-- A digest of all policies and holds in force. Between a build and its swap it must not change.
CREATE OR REPLACE FUNCTION "audit"."retention_basis"() RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
begin
  return md5(
    coalesce((select string_agg(p::text, chr(10) order by p::text)
      from audit.policies_in_force() as p), '')
    || chr(10) || 'holds' || chr(10)
    || coalesce((select string_agg(h::text, chr(10) order by h::text)
      from audit.holds_in_force() as h), '')
  );
end
$$;
