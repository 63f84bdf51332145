-- Looks at the rows of a batch that left their lane and are not new in the log, and makes dead letters
-- of those that the log can never take: what breaks a check of the log, what is below the retention
-- line, and an id that is in the log with another content. Returns how many. audit.move calls it where there are such rows.
--
-- - What is in the log already, just as it came, is no letter. It was staged again, or twice.
-- - A copy of an entry of which something was erased is no letter either, whatever it holds, and also
--   where a policy has removed the entry since. audit.drop_copies() counts it.
-- - An entry that was refused and staged again is no second letter, because its recorder's account
--   would count it twice. A letter that cannot be written for another reason fails the move, so no
--   entry vanishes.
-- - Most ids are of these days. Postgres knows how many rows there are, so it looks for many of them
--   at once. Other ids are few, and audit.logged_entry looks for each.
-- - Ids are compared as text, as in audit.take_from_staging.
CREATE OR REPLACE FUNCTION "audit"."park_others"("from_lane" text, "others" audit.audit_outbox[])
RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
declare
  these_days_from constant uuid := audit.these_days_from();
  these_days_to constant uuid := audit.these_days_to();
  parked integer;
  copies uuid[] := '{}';
begin
  if exists (select from audit.audit_erasure) then
    copies := audit.drop_copies(array(select m.id from unnest(others) as m));
  end if;
  with compared as (
    select m.*, coalesce(l.id, o.id) is not null as is_logged,
      m.id < audit.retention_line() as is_below,
      case when l.id is not null then (
        l.occurred_at, l.user_id::text, l.event_id::text, l.target_id::text, l.action,
        l.entity_type, l.request_id, l.metadata, l.context,
        l.outcome, l.actor_id::text, l.actor_kind, l.more_targets::text[]
      ) else (
        o.occurred_at, o.user_id::text, o.event_id::text, o.target_id::text, o.action,
        o.entity_type, o.request_id, o.metadata, o.context,
        o.outcome, o.actor_id::text, o.actor_kind, o.more_targets::text[]
      ) end is not distinct from (
        m.occurred_at, m.user_id::text, m.event_id::text, m.target_id::text, m.action,
        m.entity_type, m.request_id, coalesce(m.metadata, '{}'), coalesce(m.context, '{}'),
        m.outcome, m.actor_id::text, m.actor_kind, m.more_targets::text[]
      ) as is_same
    from unnest(others) as m
    left join audit.audit_log as l
      on l.id = m.id and l.id >= these_days_from and l.id < these_days_to
    left join lateral audit.logged_entry(
      case when m.id >= these_days_from and m.id < these_days_to then null else m.id end
    ) as o on true
  ),
  written as (
    insert into audit.audit_dead_letter (
      lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
    )
    select
      from_lane, 'move', c.written_by, c.ours,
      case when c.is_logged then '23505' when c.is_below then '22008' else '23514' end,
      case when c.is_logged then 'the id is in the log with another content'
        when c.is_below
        then 'the id''s time is below the retention line: a policy has removed entries of that time'
        else 'a column breaks a check of the log'
      end,
      c.id::text, c.recorder_id, c.recorder_seq, audit.lane_text(
        c.id, c.occurred_at, c.user_id::text, c.event_id::text, c.target_id::text, c.recorder_id,
        c.recorder_seq, c.action, c.entity_type, c.request_id, c.metadata, c.context, c.outcome,
        c.actor_id::text, c.actor_kind, c.more_targets::text[])
    from compared as c
    where not (c.is_logged and c.is_same) and c.id <> all(copies)
    on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
      where recorder_id is not null do nothing
    returning 1
  )
  select count(*) into parked from written;
  return parked;
end
$$;
