-- How many entries of a partition are removed now, the log having none of them: 0 where it was never
-- taken out, and where it is back.
CREATE OR REPLACE FUNCTION "audit"."removed_entries"("log_table" text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(sum(s.removed), 0)::bigint from audit.audit_swap as s
  where s.partition = log_table and s.state in ('swapped', 'dropped')
$$;
