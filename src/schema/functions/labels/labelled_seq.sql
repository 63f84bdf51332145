-- The last entry between these numbers that gives this name to this id in this event; null for none. It
-- looks at the newest 1,000 entries of the id in each of the 32 newest partitions that hold such numbers.
CREATE OR REPLACE FUNCTION "audit"."labelled_seq"(
  "subject" text, "event" text, "name" text, "from_seq" bigint, "to_seq" bigint
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
declare
  most_ranges constant integer := 32;
  id_type text;
  range record;
  newest bigint;
begin
  select format_type(a.atttypid, null) into id_type
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attname = 'user_id';
  for range in
    select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r limit most_ranges
  loop
    execute format($query$
      select max(e.seq)
      from (
        (select l.seq, l.event_id, l.context -> 'user' as named from audit.audit_log as l
          where l.user_id = $1::%1$s and l.id >= $2 and ($3 is null or l.id < $3)
          order by l.id desc limit 1000)
        union all
        (select l.seq, l.event_id, l.context -> 'actor' from audit.audit_log as l
          where l.actor_id = $1::%1$s and l.id >= $2 and ($3 is null or l.id < $3)
          order by l.id desc limit 1000)
      ) as e
      where e.seq between $4 and $5 and coalesce(e.event_id::text, '') = $6
        and audit.label_name(e.named, $1) = $7
      $query$, id_type)
    into newest using subject, range.from_id, range.to_id, from_seq, to_seq, event, name;
    exit when newest is not null;
  end loop;
  return newest;
end
$$;
