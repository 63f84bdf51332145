-- What was erased, by number and field: at most so many entries behind a number. It says nothing of what
-- they held, so that it can be kept outside of the database.
CREATE OR REPLACE FUNCTION "audit"."list_erasures"(
  "after" bigint, "max_rows" integer, OUT "seq" bigint, OUT "id" uuid, OUT "fields" text[]
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select e.seq, e.id, e.fields from audit.audit_erasure as e
  where e.seq > after order by e.seq limit max_rows
$$;
