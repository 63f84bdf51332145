-- Brings a restored partition back into the log: what join_restored() has proved comes in the place of
-- what is there of it now, together with that. The numbers are no longer among the removed ones, the
-- retention line goes back, and the log says so. Returns the id of the entry audit.archive_restore and
-- how many entries came back, or the reason why nothing was done. It fails with 55P03 where a lock was
-- not had in lock_timeout_ms. Then try again.
--
-- It takes back whole removals alone, so that each number is either in the log or among the removed
-- ones. And it takes nothing but restored_PARTITION, whose entries this database once counted itself:
-- so nobody brings an entry into the log that was never there.
CREATE OR REPLACE FUNCTION "audit"."attach_restored"(
  "log_table" text, "lock_timeout_ms" integer DEFAULT 100,
  OUT "entry_id" uuid, OUT "brought_back" bigint, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  restored constant text := format('restored_%s', log_table);
  removal audit.audit_swap;
  newest audit.audit_swap;
  entries uuid[] := '{}';
  numbers int8multirange := '{}';
  first_number bigint;
  last_number bigint;
  found bigint;
  aside text;
  is_there boolean;
  is_default constant boolean := log_table = 'audit_log_default';
  span record;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  if to_regclass(format('audit.%I', restored)) is null then
    reason := 'nothing of it was restored';
    return;
  end if;
  brought_back := 0;
  for removal in
    select * from audit.audit_swap as s
    where s.partition = log_table and s.state in ('swapped', 'dropped')
    order by s.swap desc
  loop
    if removal.state = 'swapped' then
      reason := 'the entries still wait for their drop: "audit-relay retention undo" brings them back';
      return;
    end if;
    execute format('select count(*) from audit.%I as r where $1 @> r.seq', restored)
    into found using removal.runs::int8multirange;
    continue when found <> removal.removed;
    newest := coalesce(newest, removal);
    entries := entries || removal.entry_id;
    numbers := numbers + removal.runs::int8multirange;
    brought_back := brought_back + removal.removed;
    first_number := least(first_number, removal.first_seq);
    last_number := greatest(last_number, removal.last_seq);
  end loop;
  if newest is null then
    reason := case when audit.removed_entries(log_table) = 0 then 'nothing of it is removed'
      else 'no removal of it is whole in the restored table' end;
    return;
  end if;
  is_there := to_regclass(format('audit.%I', log_table)) is not null;
  if not is_default then
    span := audit.span_in_log(log_table, newest.from_id, newest.to_id);
    if span.obstacle is not null then
      reason := span.obstacle;
      return;
    end if;
  end if;
  -- A file may hold more, such as one that was made before the removal. The log has those entries, or
  -- they were removed another time.
  execute format('delete from audit.%I as r where not $1 @> r.seq', restored) using numbers;
  if is_default then
    perform audit.join_into_default(restored);
  else
    perform audit.join_into(restored, span.from_id, span.to_id, span.joined);
  end if;
  entry_id := audit.put_ours(
    'audit.archive_restore', null,
    jsonb_build_object(
      'partition', log_table, 'retention', to_jsonb(entries), 'broughtBack', brought_back,
      'firstSeq', first_number, 'lastSeq', last_number,
      'digests', (
        select jsonb_agg(a.digest order by a.number) from audit.audit_archive as a
        where a.partition = log_table and a.stored_at is not null
      )
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  delete from audit.audit_removed as r where r.by_entry = any(entries);
  update audit.audit_swap as s set state = 'undone', ended_at = clock_timestamp()
  where s.entry_id = any(entries);
  perform audit.changed_behind(
    numbers,
    case when is_default then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else newest.to_id end);
  perform audit.set_retention_line();
  aside := format('%s_undone_%s', log_table, newest.swap);
  perform audit.grant_restored(restored, false);
  if is_default then
    perform audit.swap_partition(log_table, restored, aside, null, null);
  else
    perform audit.swap_partition(log_table, restored, aside, span.from_id, span.to_id, span.joined);
  end if;
  if is_there then
    execute format('drop table audit.%I', aside);
  end if;
end
$$;
