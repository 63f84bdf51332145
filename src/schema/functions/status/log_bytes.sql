-- How large the log is on disk, in bytes: its partitions with their indexes. What retention has taken out
-- of it is no part of it any more.
CREATE OR REPLACE FUNCTION "audit"."log_bytes"() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint
  from pg_inherits as i where i.inhparent = 'audit.audit_log'::regclass
$$;
