-- The files that were archived, of one partition or of all, in the order of their numbers in the log.
CREATE OR REPLACE FUNCTION "audit"."list_archives"("log_table" text DEFAULT NULL)
RETURNS SETOF "audit"."audit_archive"
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select * from audit.audit_archive as a
  where a.stored_at is not null and (log_table is null or a.partition = log_table)
  order by a.partition, a.first_seq, a.number
$$;
