-- The closed partitions that hold entries behind the last archived one, oldest first, and when each
-- one ended. It asks the catalogue alone, so that it locks no partition, however many there are.
CREATE OR REPLACE FUNCTION "audit"."archive_due"()
RETURNS TABLE ("partition" text, "ended_at" timestamptz, "rows" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select p.name, to_timestamp(('x' || left(replace(p.to_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0), p.rows
  from audit.audit_partition as p
  where p.closed_at is not null and p.max_seq is not null and p.max_seq > 0
    and p.max_seq > coalesce(p.archived_seq, 0)
    and not exists (
      select from audit.audit_archive as a
      where a.partition = p.name and a.stored_at is not null and a.last_seq >= p.max_seq
    )
  order by p.from_id
$$;
