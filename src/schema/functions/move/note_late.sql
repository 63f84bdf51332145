-- Notes what entries came late: the closed partitions that they are in hold greater numbers than before.
-- The ids are those of the first entries of a batch, in their order, so the first one has the number
-- behind head_before, and so on. audit.move calls it while it holds the head, as the session that closes a
-- partition does, so none of the two misses what the other has done.
CREATE OR REPLACE FUNCTION "audit"."note_late"("late_ids" uuid[], "head_before" bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_partition as p set max_seq = late.max_seq
  from (
    select c.name, max(head_before + l.n) as max_seq
    from audit.audit_partition as c
    join unnest(late_ids) with ordinality as l (id, n) on l.id >= c.from_id and l.id < c.to_id
    where c.to_id > late_ids[1] and c.from_id <= late_ids[cardinality(late_ids)]
    group by c.name
  ) as late
  where p.name = late.name and p.max_seq < late.max_seq
$$;
