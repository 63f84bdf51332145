-- The step of retention that removes: puts what audit.build_kept() has built in the place of the
-- partition, all or nothing, with its trace in the same transaction: the entry audit.retention, the
-- numbers that went, the retention line. "swap" is the number that build_kept() gave; "archived" is
-- what the archive says of the entries that go; "ignored" are names of cursors that are not waited for.
-- Returns the id of the entry, or why nothing was done:
--
-- - 'changed': policies, holds or entries are not those of the build any more, so build again.
-- - 'cursor': readers with a name have not read up to here; "reason" names them.
-- - 'seal': the log is sealed, and not yet up to the last entry that goes. Its leaf could not be made any
--   more.
-- - It fails with 55P03 where a lock was not had in lock_timeout_ms. Then try again.
-- - audit_hold and audit_policy are locked before they are compared, so that a hold that is being placed
--   is waited for, and none is placed before the commit.
-- - The partition is locked against writers while its rows are counted, and the log only for the swap
--   itself, at the very end.
CREATE OR REPLACE FUNCTION "audit"."swap_kept"(
  "partition" text, "swap" bigint, "archived" jsonb DEFAULT NULL, "ignored" text[] DEFAULT '{}',
  "lock_timeout_ms" integer DEFAULT 100,
  OUT "entry_id" uuid, OUT "refusal" text, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  max_runs constant integer := 10000;
  built audit.audit_swap;
  aside text;
  now_rows bigint;
  now_max bigint;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  perform audit.log_partition(partition);
  lock table audit.audit_hold in share mode;
  lock table audit.audit_policy in share mode;
  select * into built from audit.audit_swap as s
  where s.partition = swap_kept.partition and s.state = 'built';
  if built.swap is distinct from swap_kept.swap then
    refusal := 'changed';
    reason := 'another run of retention has built or swapped it';
    return;
  end if;
  if built.basis is distinct from audit.retention_basis()
    or built.due is distinct from audit.due_condition(partition)
  then
    refusal := 'changed';
    reason := 'policies or holds have changed';
    return;
  end if;
  execute format('lock table audit.%I in share mode', partition);
  execute format('select count(*), max(p.seq) from audit.%I as p', partition) into now_rows, now_max;
  if (now_rows, now_max) is distinct from (built.rows, built.max_seq) then
    refusal := 'changed';
    reason := 'entries came to it';
    return;
  end if;
  if built.last_seq > audit.sealed_through() and exists (select from audit.audit_origin) then
    refusal := 'seal';
    reason := format('it is sealed up to seq %s only', audit.sealed_through());
    return;
  end if;
  select string_agg(format('%s has read up to seq %s', c.name, c.seq), ', ') into reason
  from audit.lagging_cursors(built.last_seq, ignored) as c where c.is_waited_for;
  if reason is not null then
    refusal := 'cursor';
    return;
  end if;

  aside := format('%s_removed_%s', partition, built.swap);
  entry_id := audit.put_ours(
    'audit.retention', null,
    jsonb_build_object(
      'partition', partition, 'from', audit.id_time(built.from_id), 'to', audit.id_time(built.to_id),
      'removed', built.removed, 'kept', built.kept, 'held', built.held,
      'firstSeq', built.first_seq, 'lastSeq', built.last_seq,
      'runs', (select count(*) from unnest(built.runs::int8multirange)),
      'seqs', (
        select jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) order by r)
        from (select r from unnest(built.runs::int8multirange) as r limit max_runs) as r
      ),
      'seqsSha256', encode(sha256(convert_to(built.runs, 'UTF8')), 'hex'),
      'holds', (select coalesce(jsonb_agg(h -> 'id'), '[]') from jsonb_array_elements(built.holds) as h),
      'archive', archived
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  insert into audit.audit_removed (partition, first_seq, last_seq, by_entry)
  select partition, lower(r), upper(r) - 1, swap_kept.entry_id from unnest(built.runs::int8multirange) as r;
  update audit.audit_swap as s
  set state = 'swapped', swapped_at = clock_timestamp(), detached = aside,
    entry_id = swap_kept.entry_id, archive = archived,
    oldest_before = (select min(l.oldest_id::text)::uuid from audit.audit_lane as l
      where l.lane in ('staging', 'outbox'))
  where s.swap = built.swap;
  perform audit.changed_behind(built.runs::int8multirange);
  perform audit.set_retention_line();
  if built.kept = 0 and partition <> 'audit_log_default' then
    perform audit.swap_partition(partition, null, aside, built.from_id, built.to_id);
    execute format('drop table audit.%I', partition || '_kept');
  else
    perform audit.swap_partition(partition, partition || '_kept', aside, built.from_id, built.to_id);
  end if;
end
$$;
