-- Closes the oldest partition that no new entry comes to any more, and returns its name; null where
-- there is none. The catalogue then knows which numbers it holds, and readers that look for others
-- leave it out. The relay calls it until it returns null.
--
-- - A partition is closed three days after its end. A move looks for an id that is some two days old
--   or older in the whole log, and raises max_seq of the partition that the entry goes to. So no move
--   that began before the closing may still take the partition for one that is open.
-- - max_seq is read while the head is locked, because a move holds the head until it commits: what
--   was logged before is seen, and what is logged later finds the partition closed. Meanwhile nothing
--   is moved, so the numbers come from the ends of the index on seq, and the settings below leave the
--   planner no other way. The rows are counted before; late entries may be missing in that count.
-- - An empty one gets a range that holds no number: from the next one to none.
-- - It waits for the head for 100 ms, five times in all (55P03), as audit.make_partitions does.
-- - It reads the log and not the partition, which may be somebody else's where it was made by hand.
-- - A partition whose bounds are not those of the catalogue is left open, and "audit-relay doctor" names
--   it.
CREATE OR REPLACE FUNCTION "audit"."close_partition"() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
declare
  max_tries constant integer := 5;
  part record;
  place text;
  counted bigint;
  head_seq bigint;
  smallest bigint;
  greatest_one bigint;
begin
  select p.name, p.from_id, p.to_id into part
  from audit.audit_partition as p
  join audit.partition_bounds() as b on b.name = p.name and b.schema = 'audit'
    and b.first_id = p.from_id and b.end_id = p.to_id and b.is_exact
  where p.closed_at is null
    and p.to_id <= audit.id_floor(clock_timestamp() - interval '72 hours')
  order by p.from_id limit 1;
  if not found then
    return null;
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'no partition can be closed at the isolation level %',
      current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state',
        hint = 'Set default_transaction_isolation to read committed for this login.';
  end if;
  place := format('from audit.audit_log as l where l.id >= %L and l.id < %L', part.from_id, part.to_id);
  execute 'select count(*) ' || place into counted;
  for try in 1 .. max_tries loop
    begin
      select h.seq into head_seq from audit.audit_head as h for no key update;
      execute format('select l.seq %s order by l.seq limit 1', place) into smallest;
      execute format('select l.seq %s order by l.seq desc limit 1', place) into greatest_one;
      update audit.audit_partition as p set
        min_seq = coalesce(smallest, head_seq + 1), max_seq = coalesce(greatest_one, 0),
        rows = counted, closed_at = clock_timestamp()
      where p.name = part.name and p.closed_at is null;
      return part.name;
    exception when lock_not_available then
      if try = max_tries then
        raise exception 'the head of the log was locked by another session % times', max_tries
          using errcode = 'lock_not_available';
      end if;
    end;
    perform pg_sleep(0.3 + 0.7 * random());
  end loop;
end
$$;
