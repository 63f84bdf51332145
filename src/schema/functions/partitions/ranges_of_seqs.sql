-- The ranges of ids in which entries with these numbers may be, the newest that has begun first. A reader
-- that asks the log for a number asks one after the other, because a statement about all partitions locks all
-- of them and their indexes. It leaves out the partitions that cannot hold the numbers, by the catalogue
-- or because they are empty, and has what lies between them, too: DEFAULT, or a partition that the
-- catalogue does not know. "to_id" of the last range is null.
CREATE OR REPLACE FUNCTION "audit"."ranges_of_seqs"(
  "from_seq" bigint, "to_seq" bigint, OUT "from_id" uuid, OUT "to_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select range.from_id, range.to_id
  from (
    select part.from_id, part.to_id, part.from_id > audit.id_floor(now()) as is_ahead
    from audit.audit_partition as part
    where coalesce(part.min_seq <= ranges_of_seqs.to_seq, true)
      and coalesce(part.max_seq >= ranges_of_seqs.from_seq, true)
      and pg_relation_size(to_regclass(format('audit.%I', part.name))) is distinct from 0
    union all
    select gap.from_id, gap.to_id, true
    from (
      select part.to_id as from_id, lead(part.from_id) over (order by part.from_id) as to_id
      from audit.audit_partition as part
      union all
      select '00000000-0000-0000-0000-000000000000', (
        select part.from_id from audit.audit_partition as part order by part.from_id limit 1)
    ) as gap
    where gap.from_id is distinct from gap.to_id
  ) as range
  order by range.is_ahead, range.from_id desc
$$;
