-- What opens the leaves of the entries that an archive takes from a partition: of each its salt, or its
-- opening where something of it was erased, as a line of JSON. In the order of the numbers, at most so
-- many behind the given one. Nothing where the log has no seal. A restore puts them back, because they go
-- with the drop of what a policy removes.
CREATE OR REPLACE FUNCTION "audit"."archive_salts"(
  "log_table" text, "kept" text, "from_seq" bigint, "to_seq" bigint, "after" bigint,
  "max_rows" integer, OUT "seq" bigint, OUT "line" text
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_sort = off SET enable_bitmapscan = off AS $$
begin
  if not exists (select from audit.audit_origin) then
    return;
  end if;
  return query execute format($query$
    select q.seq, case
      when q.salt <> decode(repeat('00', 16), 'hex')
        then json_build_object('seq', q.seq, 'salt', encode(q.salt, 'hex'))::text
      when q.opening is not null
        then json_build_object('seq', q.seq, 'opening', q.opening)::text
      end
    from (
      select p.seq,
        (select substr(s.salts, (p.seq %% 256)::integer * 16 + 1, 16)
          from audit.audit_salt as s where s.n = p.seq / 256) as salt,
        (select e.opening from audit.audit_erasure as e where e.seq = p.seq) as opening
      from %s and p.seq between $1 and $2 and p.seq > $3 order by p.seq, p.id limit $4
    ) as q
    $query$, audit.archive_source(log_table, kept))
  using from_seq, to_seq, after, max_rows;
end
$$;
