-- The entries that an archive takes from a partition, in the order of (seq, id): at most so many
-- behind the given one. They are read by the keeper's login, which has no SELECT on the log.
CREATE OR REPLACE FUNCTION "audit"."archive_rows"(
  "log_table" text, "kept" text, "after_seq" bigint, "after_id" uuid, "max_rows" integer
) RETURNS SETOF "audit"."audit_log"
LANGUAGE plpgsql STABLE SECURITY DEFINER
-- By the index on seq. A sort of a whole partition is never cheaper, whatever its statistics say.
SET search_path = pg_catalog, pg_temp SET enable_sort = off SET enable_bitmapscan = off AS $$
declare
  columns text;
begin
  -- By name: a partition that was attached by hand may have another order.
  select string_agg(format('p.%I', a.attname), ', ' order by a.attnum) into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  return query execute format(
    'select %s from %s and p.seq >= $1 and (p.seq > $1 or p.id > $2) order by p.seq, p.id limit $3',
    columns, audit.archive_source(log_table, kept)
  ) using after_seq, after_id, max_rows;
end
$$;
