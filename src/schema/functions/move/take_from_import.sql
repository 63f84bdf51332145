-- Moves one batch out of the lane of an import, as the part of audit.move that takes the entries and
-- appends them to the log, in one statement. The other lanes' functions are the same but for the bounds
-- of the ids, so change all. The log stands at head_before, and audit.move has seen to it that nobody
-- else appends. Returns also how many new entries each recorder has, and its greatest number among
-- them, in the order of their ids; the ids of the new entries; and the rows that
-- left the lane and are not new, which audit.park_others then looks at.
--
-- What audit.take_from_staging says of its parts holds here, too, but for the ids. An import brings
-- entries of any age, and as a rule those of one month at a time. "lowest" and "highest" are the bounds
-- of the ids that the batch will have. They are found by a look before, so that they are constants of
-- the statement, which then locks and searches the partitions in between alone. A row beyond them that
-- came since is left for the next batch. The retention line is asked by the statement itself, which
-- begins once it has its locks: a swap that it waited for has moved the line.
CREATE OR REPLACE FUNCTION "audit"."take_from_import"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[],
  OUT "late_ids" uuid[], OUT "others" audit.audit_outbox[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
declare
  lowest uuid;
  highest uuid;
begin
  select (array_agg(l.id order by l.id))[1], (array_agg(l.id order by l.id desc))[1]
  into lowest, highest
  from (
    select l.id from audit.audit_import as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
    limit batch_entries
  ) as l;
  with claimed as materialized (
    select l.ctid from audit.audit_import as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
      and l.id between lowest and highest
    limit batch_entries
    for update of l skip locked
  ),
  moved as (
    delete from audit.audit_import where ctid = any(array(select ctid from claimed))
    returning
      ctid as place, id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and coalesce(m.outcome in ('denied', 'failed', 'attempted'), true)
      and coalesce(m.actor_kind in ('api_key', 'service', 'system', 'agent'), true)
      and coalesce(cardinality(m.more_targets) between 1 and 100, true)
      and not exists (
        select from audit.audit_log as l
        where l.id = m.id and l.id between lowest and highest
      )
      and m.id >= (select audit.retention_line())
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.outcome, f.actor_id, f.actor_kind, case when f.more_targets is not null then
        (json_populate_record(null::audit.audit_log, json_build_object('more_targets', f.more_targets))).more_targets end,
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id),
    (select array_agg(f.id order by f.id) from fresh as f),
    (
      select array_agg(row(
        m.id, m.occurred_at, m.user_id, m.event_id, m.target_id, m.recorder_id, m.recorder_seq,
        m.action, m.entity_type, m.request_id, m.metadata, m.context, m.outcome, m.actor_id,
        m.actor_kind, m.more_targets, m.written_by, m.ours
      )::audit.audit_outbox)
      from moved as m
      where (select fresh < claimed from total) and m.place not in (select f.place from fresh as f)
    )
  into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
  from accounts as a;
end
$$;
