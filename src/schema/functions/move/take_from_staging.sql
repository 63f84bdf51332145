-- Moves one batch out of the lane staging, as the part of audit.move that takes the entries and appends
-- them to the log, in one statement. The other lane's function is the same but for the lane's name, so
-- change both. The log stands at head_before, and audit.move has seen to it that nobody else appends.
-- Returns also how many new entries each recorder has, and its greatest number among them, in the
-- order of their ids; the ids of new entries from before these days, which come first and so have
-- the first numbers; and the rows that left the lane and are not new, which audit.park_others then
-- looks at.
--
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what the log's checks would refuse, what is in the log already, and all but
--   one of what came twice in this batch. It looks for an id of these days in the partitions of these
--   days, so that a log of many partitions is planned and locked no more than a small one. Other ids
--   are few, and audit.logged_entry looks for each. Among them are those below the retention line,
--   which is at least four days old.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - Ids are compared as text: those of the log may be text already where the lanes' still are uuid.
--   Postgres makes text of a uuid that it assigns, but not of a list of them.
-- - The statement is planned for its parameters each time. A kept plan that was made while a
--   partition was empty would read the whole partition from then on. It is static SQL, because to
--   parse it each time cost a tenth of a batch of 100. For the same reason it names no function of
--   ours that Postgres would put into its plan, and leaves the rare work to audit.park_others.
CREATE OR REPLACE FUNCTION "audit"."take_from_staging"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[],
  OUT "late_ids" uuid[], OUT "others" audit.audit_outbox[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
declare
  these_days_from constant uuid := audit.these_days_from();
  these_days_to constant uuid := audit.these_days_to();
begin
  with claimed as materialized (
    select l.ctid from audit.audit_staging as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
    limit batch_entries
    for update of l skip locked
  ),
  moved as (
    delete from audit.audit_staging where ctid = any(array(select ctid from claimed))
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
        where l.id = m.id and l.id >= these_days_from and l.id < these_days_to
      )
      and case when m.id >= these_days_from and m.id < these_days_to then true
        else m.id >= audit.retention_line() and not exists (select from audit.logged_entry(m.id)) end
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
    (select array_agg(f.id order by f.id) from fresh as f where f.id < these_days_from),
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
