-- The leaf hashes of these numbers, one behind the other, and the numbers that have no entry although no
-- policy removed it: at most 100 of them, and how many there are. Such a number gets a leaf that says
-- that it was missing.
--
-- - The salts are made first, in the same transaction. What a sealer then reads another one reads, too.
-- - Entries up to the head are there: the move that raises it has logged them.
-- - It reads one range of ids after the other.
-- - Two entries with one number are no work of ours. One of them is sealed, and verify tells the other.
CREATE OR REPLACE FUNCTION "audit"."seal_leaves"(
  "from_seq" bigint, "to_seq" bigint,
  OUT "leaves" bytea, OUT "missing" json, OUT "missing_count" integer
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- By the index on seq. Nothing else is cheaper, whatever the statistics say.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
declare
  most constant bigint := 65536;
  first_n constant bigint := from_seq / 256;
  salts bytea;
  range record;
  part record;
  seqs bigint[] := '{}';
  hashes bytea[] := '{}';
begin
  -- What a sealer has signed must not be lost by a crash: it would refuse to go on.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if from_seq < 1 or to_seq < from_seq or to_seq - from_seq >= most
    or to_seq > (select h.seq from audit.audit_head as h)
  then
    raise exception 'no leaves from % to %', from_seq, to_seq using errcode = 'invalid_parameter_value';
  end if;
  perform audit.put_salts(first_n, to_seq / 256);
  select string_agg(s.salts, ''::bytea order by s.n) into salts
  from audit.audit_salt as s where s.n between first_n and to_seq / 256;
  if octet_length(salts) is distinct from (to_seq / 256 - first_n + 1)::integer * 4096 then
    raise exception 'salts from % to % are missing', from_seq, to_seq using errcode = 'data_corrupted';
  end if;

  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all.
    execute 'select array_agg(l.seq) as seqs, array_agg(sha256(decode(''00'', ''hex'')
        || convert_to(audit.leaf_of(l, k.keys, k.rare_keys), ''UTF8''))) as hashes
      from audit.audit_log as l
      cross join lateral (
        select sha512(s.salt) as keys,
          case when l.actor_id is not null or l.more_targets is not null
            then sha512(s.salt || decode(''01'', ''hex'')) end as rare_keys
        from (select substr($3, (l.seq - $4)::integer * 16 + 1, 16) as salt offset 0) as s offset 0
      ) as k
      where l.seq between $1 and $2 and l.id >= $5 and ($6 is null or l.id < $6)'
    into part using from_seq, to_seq, salts, first_n * 256, range.from_id, range.to_id;
    if part.seqs is not null then
      seqs := seqs || part.seqs;
      hashes := hashes || part.hashes;
    end if;
  end loop;

  select
    string_agg(coalesce(e.hash, sha256(decode('00', 'hex') || convert_to(
      concat('{"v":1,"seq":', n.seq, ',"missing":true}'), 'UTF8'))), ''::bytea order by n.seq),
    array_agg(n.seq order by n.seq) filter (where e.hash is null)
  into leaves, seqs
  from generate_series(from_seq, to_seq) as n (seq)
  left join (
    select distinct on (u.seq) u.seq, u.hash
    from unnest(seqs, hashes) as u (seq, hash) order by u.seq, u.hash
  ) as e on e.seq = n.seq;
  select count(*), coalesce(json_agg(m.seq order by m.seq) filter (where m.place <= 100), '[]')
  into missing_count, missing
  from (
    select u.seq, row_number() over (order by u.seq) as place
    from unnest(seqs) as u (seq)
    where u.seq > coalesce((
      select r.last_seq from audit.audit_removed as r
      where r.first_seq <= u.seq order by r.first_seq desc limit 1
    ), 0)
  ) as m;
end
$$;
