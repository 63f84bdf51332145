-- Makes the first 12 of these partitions, where the log may have them all, and returns how many it
-- made: each takes some milliseconds of the log's lock. The cap counts partitions of our own making: a great many fill the server's table of locks,
-- which all of its databases share.
CREATE OR REPLACE FUNCTION "audit"."make_some"(
  "first_ids" uuid[], "end_ids" uuid[], "replaced" text[], "max_partitions" integer
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  max_made constant integer := 12;
  -- A caller can ask for so many at most.
  most constant integer := least(coalesce(max_partitions, 0), 3000);
  ours bigint;
begin
  if first_ids is null then
    return 0;
  end if;
  select count(*) into ours from audit.partition_bounds() as b
  where b.is_ours and b.name <> all(coalesce(replaced, '{}'));
  if ours + cardinality(first_ids) > most then
    raise exception 'the log has % partitions and needs % more, which is over the maximum of %',
      ours, cardinality(first_ids), most
      using errcode = 'program_limit_exceeded',
        hint = 'Remove old entries by a policy, take wider partitions (AUDIT_PARTITION_WIDTH), or '
          'raise the maximum (AUDIT_MAX_PARTITIONS).';
  end if;
  return audit.make_partitions(first_ids[:max_made], end_ids[:max_made], replaced);
end
$$;
