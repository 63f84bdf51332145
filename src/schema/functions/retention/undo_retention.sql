-- Takes back the newest removal of a partition that still waits for its drop: the table that was taken
-- out comes back in the place of what was kept of it. What came since is copied back first, and where a
-- wider partition has got its time meanwhile, that one is joined with it. The numbers are no longer among
-- the removed ones, the retention line goes back, and the log says so. Returns the id of the entry
-- audit.retention_undo, or the reason why nothing was done. It fails with 55P03 where a lock was not had in
-- lock_timeout_ms. Then try again.
CREATE OR REPLACE FUNCTION "audit"."undo_retention"(
  "partition" text, "lock_timeout_ms" integer DEFAULT 100,
  OUT "entry_id" uuid, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  is_default constant boolean := partition = 'audit_log_default';
  undone audit.audit_swap;
  aside text;
  is_there boolean;
  span record;
  came bigint;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  select * into undone from audit.audit_swap as s
  where s.partition = undo_retention.partition and s.state = 'swapped'
  order by s.swap desc limit 1;
  if not found then
    select format('what was removed of it last was %s on %s', s.state, s.ended_at::date) into reason
    from audit.audit_swap as s
    where s.partition = undo_retention.partition and s.ended_at is not null
    order by s.swap desc limit 1;
    reason := coalesce(reason, 'nothing of it was removed');
    return;
  end if;
  is_there := to_regclass(format('audit.%I', partition)) is not null;
  aside := format('%s_undone_%s', partition, undone.swap);
  if is_default then
    came := audit.join_into_default(undone.detached);
  else
    span := audit.span_in_log(partition, undone.from_id, undone.to_id);
    if span.obstacle is not null then
      reason := span.obstacle;
      return;
    end if;
    came := audit.join_into(undone.detached, span.from_id, span.to_id, span.joined);
  end if;
  entry_id := audit.put_ours(
    'audit.retention_undo', null,
    jsonb_build_object(
      'partition', partition, 'retention', undone.entry_id, 'broughtBack', undone.removed,
      'cameSince', came, 'firstSeq', undone.first_seq, 'lastSeq', undone.last_seq
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  delete from audit.audit_removed as r where r.by_entry = undone.entry_id;
  update audit.audit_swap as s set state = 'undone', ended_at = clock_timestamp()
  where s.swap = undone.swap;
  perform audit.changed_behind(
    undone.runs::int8multirange,
    case when is_default then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else undone.to_id end);
  perform audit.set_retention_line();
  if is_default then
    perform audit.swap_partition(partition, undone.detached, aside, null, null);
  else
    perform audit.swap_partition(
      partition, undone.detached, aside, span.from_id, span.to_id, span.joined);
  end if;
  if is_there then
    execute format('drop table audit.%I', aside);
  end if;
end
$$;
