-- Puts the bits of blocks in the place of what is there of them: a new block, a run that is made again, or
-- the run of several blocks that are there. "slices" are the slices of all bits, one behind the other, and lie
-- in rows of "part_bytes". "times" and "members" are those of all groups; null where they stay. Returns false where entries
-- were emptied, removed or brought back since they were read ("changes" is the consumer's), or where the
-- search was turned off. The lock on the consumer's row keeps those who do so in turn.
CREATE OR REPLACE FUNCTION "audit"."put_search"(
  "first_block" bigint, "blocks" smallint, "log2" smallint, "slices" bytea, "part_bytes" integer,
  "times" bytea, "members" bytea, "min_ms" bigint, "max_ms" bigint, "changes" bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  last_block constant bigint := first_block + blocks - 1;
  there record;
begin
  perform set_config('synchronous_commit', 'off', true);
  perform 1 from audit.audit_follow as f
  where f.consumer = 'search' and f.changes = put_search.changes and f.seq >= (last_block + 1) * 4096
    and f.since_seq <= put_search.first_block * 4096 + 1
  for update;
  if not found then
    return false;
  end if;
  select coalesce(sum(r.blocks), 0) as blocks, min(r.min_ms) as min_ms, max(r.max_ms) as max_ms,
    bool_or(r.first_block < put_search.first_block or r.first_block + r.blocks - 1 > last_block) as is_wider
  into there
  from audit.audit_search_run as r
  where r.first_block between put_search.first_block - 15 and last_block
    and r.first_block + r.blocks > put_search.first_block;
  if there.is_wider or there.blocks not in (0, blocks) or times is null and there.blocks = 0 then
    return false;
  end if;
  delete from audit.audit_search_slice as s
  where s.first_block between put_search.first_block and last_block;
  delete from audit.audit_search_run as r
  where r.first_block between put_search.first_block and last_block;
  insert into audit.audit_search_run (first_block, blocks, log2, min_ms, max_ms)
  values (
    put_search.first_block, put_search.blocks, put_search.log2,
    case when times is null then there.min_ms else put_search.min_ms end,
    case when times is null then there.max_ms else put_search.max_ms end
  );
  insert into audit.audit_search_slice (first_block, part, slices)
  select put_search.first_block, p.part, substr(put_search.slices, p.part * part_bytes + 1, part_bytes)
  from generate_series(0, (octet_length(put_search.slices) - 1) / part_bytes) as p (part);
  if times is not null then
    insert into audit.audit_search_block as b (block, times, members)
    select put_search.first_block + n, substr(put_search.times, n * 768 + 1, 768),
      substr(put_search.members, n * 8192 + 1, 8192)
    from generate_series(0, blocks - 1) as n
    on conflict on constraint audit_search_block_pkey do update
      set times = excluded.times, members = excluded.members;
  end if;
  return true;
end
$$;
