-- Moves one batch out of the lane outbox, as the part of audit.move that takes the entries and appends
-- them to the log, in one statement. The other lane's function is the same but for the lane's name, so
-- change both. The log stands at head_before, and audit.move has seen to it that nobody else appends.
-- Returns also how many new entries each recorder has, and its greatest number among them, in the
-- order of their ids.
--
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what is in the log already and all but one of what came twice in this batch.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - "parked" takes what the log's checks would refuse, and an id that came again with another
--   content. It looks only where some row was not fresh. An entry that was staged again is no
--   second letter, because its recorder's account would count it twice. A letter that cannot be
--   written for another reason fails the move, so no entry vanishes.
-- - It finds the row of "fresh" by a full join, although each of those rows is in "moved": Postgres
--   takes both for some ten rows, and would look through all of them for each row. Such a batch of
--   4,000 took 12 million looks, more than the statement's deadline on a busy server, at every try.
--   A full join is made by a hash or a merge.
-- - The statement is planned for its parameters each time. A kept plan that was made while a
--   partition was empty would read the whole partition from then on. It is static SQL, because to
--   parse it each time cost a tenth of a batch of 100.
CREATE OR REPLACE FUNCTION "audit"."take_from_outbox"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
begin
  with claimed as materialized (
    select l.ctid from audit.audit_outbox as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
    limit batch_entries
    for update of l skip locked
  ),
  moved as (
    delete from audit.audit_outbox where ctid = any(array(select ctid from claimed))
    returning
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and not exists (select from audit.audit_log as l where l.id = m.id)
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  parked as (
    insert into audit.audit_dead_letter (
      lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
    )
    select
      'outbox', 'move', m.written_by, m.ours, case when c.fits_the_log then '23505' else '23514' end,
      case when c.fits_the_log
        then 'the id is in the log with another content'
        else 'a column breaks a check of the log'
      end,
      m.id::text, m.recorder_id, m.recorder_seq, audit.lane_text(m.id, m.occurred_at, m.user_id, m.event_id, m.target_id,
        m.recorder_id, m.recorder_seq, m.action, m.entity_type, m.request_id, m.metadata, m.context)
    from moved as m
    cross join lateral (
      select
        coalesce(char_length(m.action) between 1 and 128, false)
        and coalesce(char_length(m.entity_type) between 1 and 256, true)
        and coalesce(char_length(m.request_id) between 1 and 256, true)
        and coalesce(jsonb_typeof(m.metadata) = 'object', true)
        and coalesce(jsonb_typeof(m.context) = 'object', true) as fits_the_log
    ) as c
    left join audit.audit_log as l on l.id = m.id
    full join fresh as f on f.id = m.id
    where (select fresh < claimed from total)
      and (
        not c.fits_the_log
        or l.id is not null and (
          l.occurred_at, l.user_id, l.event_id, l.target_id, l.action, l.entity_type,
          l.request_id, coalesce(l.metadata, '{}'), coalesce(l.context, '{}')
        ) is distinct from (
          m.occurred_at, m.user_id, m.event_id, m.target_id, m.action, m.entity_type,
          m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}')
        )
        or f.id is not null and (
          f.occurred_at, f.user_id, f.event_id, f.target_id, f.action, f.entity_type,
          f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}')
        ) is distinct from (
          m.occurred_at, m.user_id, m.event_id, m.target_id, m.action, m.entity_type,
          m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}')
        )
      )
    on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
      where recorder_id is not null do nothing
    returning 1
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select count(*) from parked),
    (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id)
  into claimed, logged, parked, through, recorders, entries, last_numbers
  from accounts as a;
end
$$;
