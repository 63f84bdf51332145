-- The entries with these numbers that are anywhere in the log or in a copy of it: which of their fields
-- hold something, whether they may be erased at all, and the legal hold in force that forbids it.
CREATE OR REPLACE FUNCTION "audit"."find_entries"(
  "seqs" bigint[],
  OUT "seq" bigint, OUT "action" text, OUT "present" text[], OUT "is_erasable" boolean, OUT "hold" uuid
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select distinct on (f.seq) f.seq, f.action, f.present, audit.is_erasable(f.action), f.hold
  from audit.log_places() as p
  cross join lateral audit.entries_in(p.place, seqs, audit.held_condition()) as f
  where coalesce(p.max_seq >= (select min(s) from unnest(seqs) as s), true)
    and coalesce(p.min_seq <= (select max(s) from unnest(seqs) as s), true)
  order by f.seq, cardinality(f.present) desc
$$;
