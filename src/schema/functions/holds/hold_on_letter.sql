-- The legal hold in force that forbids to drop a dead letter, or null. The letter's text is read under
-- all names that an entry's fields can have, and a time that it does not say is the letter's own.
-- Any hold may be about a letter that cannot be read.
CREATE OR REPLACE FUNCTION "audit"."hold_on_letter"(
  "dead" "audit"."audit_dead_letter", OUT "hold" uuid, OUT "is_readable" boolean
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  one json;
  found_in record;
  times timestamptz[];
begin
  is_readable := true;
  begin
    for one in select e from json_array_elements(audit.array_of(dead.entry)) as e loop
      select array_agg(t.id) filter (where f.key in ('user_id', 'userId', 'actor_id', 'actorId')) as users,
        array_agg(t.id) filter (where f.key in ('event_id', 'eventId')) as events,
        array_agg(t.id) filter (where f.key in ('target_id', 'targetId', 'more_targets', 'moreTargets')) as targets,
        array_agg(t.id) filter (where f.key in ('request_id', 'requestId')) as requests,
        array_agg(t.id) filter (where f.key = 'id') as ids
      into found_in
      from json_each(one) as f, lateral unnest(audit.texts_of(f.value)) as t (id)
      where f.key in (
        'id', 'user_id', 'userId', 'actor_id', 'actorId', 'event_id', 'eventId', 'target_id',
        'targetId', 'more_targets', 'moreTargets', 'request_id', 'requestId'
      );
      times := array(
          select coalesce((audit.read_time(f.value::jsonb)).at, dead.died_at)
          from json_each(one) as f where f.key in ('occurred_at', 'occurredAt')
        ) || array(
          select audit.id_time(i.id)
          from (select audit.uuid_or_null(t) from unnest(found_in.ids || dead.id) as t) as i (id)
          where audit.is_uuid7(i.id)
        );
      if cardinality(times) < 2 then
        times := times || dead.died_at; -- it would get the time of its arrival, as the entry or as its id
      end if;
      hold := audit.hold_on(
        found_in.users, found_in.events, found_in.targets, found_in.requests, times);
      if hold is not null then
        return;
      end if;
    end loop;
    if one is null then
      is_readable := false; -- an empty array, or no text at all
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    is_readable := false;
  end;
  if not is_readable then
    hold := (select h.id from audit.holds_in_force() as h limit 1);
  end if;
end
$$;
