-- Puts back the salts of entries that came back from an archive, from lines that audit.archive_salts()
-- made, and returns how many were put back. It takes a salt only where the leaf that it opens is the one
-- that was sealed, so nobody can spoil a proof by it. Of an entry of which something was erased, also
-- after the archive was made, only the salts of what is left come back.
CREATE OR REPLACE FUNCTION "audit"."restore_salts"("log_table" text, "lines" json) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
declare
  place constant text := audit.archive_table(log_table);
  columns text;
  one record;
  opened jsonb;
  leaf text;
  restored bigint := 0;
begin
  if not exists (select from audit.audit_origin) then
    return 0;
  end if;
  select string_agg(format('r.%I', a.attname), ', ' order by a.attnum) into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  for one in execute format($query$
    select row(%s)::audit.audit_log as entry, decode(g.salt, 'hex') as salt, g.opening,
      e.seq is not null as is_erased, e.opening as known, e.fields
    from json_to_recordset($1) as g (seq bigint, salt text, opening jsonb)
    join %s as r on r.seq = g.seq
    join audit.audit_salt as s on s.n = r.seq / 256
      and substr(s.salts, (r.seq %% 256)::integer * 16 + 1, 16) = decode(repeat('00', 16), 'hex')
    left join audit.audit_erasure as e on e.seq = r.seq
    order by g.seq
    $query$, columns, place)
  using lines
  loop
    if octet_length(one.salt) <> 16 then
      continue;
    end if;
    if one.known is null then
      leaf := audit.leaf_text(one.entry, one.salt);
    else
      -- What was erased keeps its commitment. What is left gets its own salt again.
      opened := coalesce(one.opening, (
        select jsonb_object_agg(c.key, jsonb_build_object('salt', c.value -> 'salt'))
        from jsonb_each(audit.leaf_commitments(one.entry, one.salt)) as c
      )) || one.known;
      leaf := audit.leaf_opened(one.entry, opened);
    end if;
    continue when not exists (
      select from audit.audit_origin as o
      join audit.audit_tile as t on t.origin = o.origin and t.level = 0
        and t.n = ((one.entry).seq - o.first_seq) / 256
      where o.first_seq <= (one.entry).seq
        and substr(t.hashes, (((one.entry).seq - o.first_seq) % 256)::integer * 32 + 1, 32)
          = sha256(decode('00', 'hex') || convert_to(leaf, 'UTF8'))
    );
    if one.known is null then
      update audit.audit_salt as s
      set salts = overlay(s.salts placing one.salt from ((one.entry).seq % 256)::integer * 16 + 1 for 16)
      where s.n = (one.entry).seq / 256;
    else
      update audit.audit_erasure as e set opening = opened where e.seq = (one.entry).seq;
    end if;
    restored := restored + 1;
  end loop;
  return restored;
end
$$;
