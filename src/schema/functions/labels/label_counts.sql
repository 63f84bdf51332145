-- How many names are known, and of how many users and actors.
CREATE OR REPLACE FUNCTION "audit"."label_counts"(OUT "labels" bigint, OUT "subjects" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select count(*), count(distinct k.subject) from audit.audit_label as k
$$;
