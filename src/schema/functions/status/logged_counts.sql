-- How many entries of each recorder the moves have logged, in the order of the recorders' ids, behind
-- one id and at most so many. A reader of the log compares them with the entries that are there.
CREATE OR REPLACE FUNCTION "audit"."logged_counts"(
  "after" uuid, "most" integer, OUT "id" uuid, OUT "logged" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select r.id, r.logged from audit.audit_recorder as r
  where r.id > after order by r.id limit most
$$;
