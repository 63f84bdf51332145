-- Moves one row from its lane to the dead letters, with the SQLSTATE with which the database refused
-- to log it. Returns how many rows left the lane and how many letters are new.
--
-- It finds the row by its place and its id: another relay may have moved it, and its place may hold
-- another row now. An entry that is a dead letter already leaves the lane and makes no second one. A
-- letter that cannot be written for another reason is an error, and the row stays in its lane.
CREATE OR REPLACE FUNCTION "audit"."park"(
  "lane" text, "place" text, "entry_id" uuid, "refused_with" text,
  OUT "claimed" integer, OUT "parked" integer
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
begin
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.park knows the lanes staging, outbox and import'
      using errcode = 'invalid_parameter_value';
  end if;
  execute format($park$
    with moved as (
      delete from audit.audit_%1$s where ctid = $1 and id = $2
      returning
        id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
        entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
        written_by, ours
    ),
    parked as (
      insert into audit.audit_dead_letter (
        lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
      )
      select
        '%1$s', 'move', m.written_by, m.ours, left($3, 5), 'the database refused to log it',
        m.id::text, m.recorder_id, m.recorder_seq, audit.lane_text(m.id, m.occurred_at, m.user_id::text,
          m.event_id::text, m.target_id::text, m.recorder_id, m.recorder_seq, m.action, m.entity_type,
          m.request_id, m.metadata, m.context, m.outcome, m.actor_id::text, m.actor_kind,
          m.more_targets::text[])
      from moved as m
      on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0))
        where recorder_id is not null do nothing
      returning 1
    )
    select (select count(*) from moved), (select count(*) from parked)
    $park$, lane)
  into claimed, parked using place::tid, entry_id, refused_with;
end
$$;
