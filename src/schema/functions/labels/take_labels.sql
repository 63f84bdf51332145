-- Keeps the names that the entries with these numbers give to their users and actors, at most 65,536
-- numbers at a time. The names are read from the log, so a caller cannot make one up. Of one id in
-- one event the 20 names that were used last are kept. It can be called again for the same numbers.
-- Returns how many names the entries had.
CREATE OR REPLACE FUNCTION "audit"."take_labels"("from_seq" bigint, "to_seq" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- By the index on seq. Nothing else is cheaper, whatever the statistics say.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
declare
  most constant bigint := 65536;
  most_names constant integer := 20;
  range record;
  subjects text[] := '{}';
  taken text[];
begin
  if from_seq < 1 or to_seq < from_seq or to_seq - from_seq >= most then
    raise exception 'no names from % to %', from_seq, to_seq using errcode = 'invalid_parameter_value';
  end if;
  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all. The
    -- order of the keys keeps two relays from a deadlock.
    execute $query$
      with named as (
        select l.seq, coalesce(l.event_id::text, '') as event, w.subject,
          audit.label_name(w.named, w.subject) as name
        from audit.audit_log as l
        cross join lateral (values
          (l.user_id::text, l.context -> 'user'), (l.actor_id::text, l.context -> 'actor')
        ) as w (subject, named)
        where l.seq between $1 and $2 and l.id >= $3 and ($4 is null or l.id < $4)
          and w.subject is not null and w.named is not null
      ),
      put as (
        insert into audit.audit_label as k (subject, event, name, first_seq, last_seq)
        select n.subject, n.event, n.name, min(n.seq), max(n.seq)
        from named as n where n.name is not null
        group by n.subject, n.event, n.name order by n.subject, n.event, n.name
        on conflict on constraint audit_label_pkey do update
        set first_seq = least(k.first_seq, excluded.first_seq),
          last_seq = greatest(k.last_seq, excluded.last_seq)
        returning k.subject
      )
      select array_agg(p.subject) from put as p
      $query$
    into taken using from_seq, to_seq, range.from_id, range.to_id;
    subjects := subjects || taken;
  end loop;
  if cardinality(subjects) > 0 then
    delete from audit.audit_label as k
    using (
      select o.ctid as place, row_number() over (
        partition by o.subject, o.event order by o.last_seq desc, o.name) as n
      from audit.audit_label as o where o.subject = any(subjects)
    ) as old
    where k.ctid = old.place and old.n > most_names;
  end if;
  return cardinality(subjects);
end
$$;
