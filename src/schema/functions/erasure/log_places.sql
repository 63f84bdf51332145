-- The tables that hold entries of the log: its partitions, and copies next to it, which are tables that
-- retention took out and that wait for their drop, what it builds, and what a restore of an archive has
-- made. "min_seq" and "max_seq" bound the numbers in a place, where that is known.
CREATE OR REPLACE FUNCTION "audit"."log_places"(
  OUT "place" regclass, OUT "kind" text, OUT "min_seq" bigint, OUT "max_seq" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select c.oid::regclass, 'partition', p.min_seq, p.max_seq
  from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
  left join audit.audit_partition as p
    on p.name = c.relname and c.relnamespace = 'audit'::regnamespace
  where i.inhparent = 'audit.audit_log'::regclass
  union all
  select c.oid::regclass,
    case when exists (
      select from audit.audit_swap as s where s.detached = c.relname and s.state = 'swapped'
    ) then 'removed' else 'copy' end,
    null, null
  from pg_class as c
  where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and not c.relispartition
    and (
      select count(*) from pg_attribute as a
      where a.attrelid = c.oid and a.attname in ('seq', 'logged_at', 'more_targets')
        and not a.attisdropped
    ) = 3
$$;
