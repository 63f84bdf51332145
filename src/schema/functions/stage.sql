-- Puts entries into the outbox lane and returns how many it took. An entry that the lane can never
-- take becomes a dead letter by itself, and its neighbours are taken. Where nothing can be written
-- now (read-only, locked, disk full) the function raises.
--
-- The parameter is json and not jsonb, because jsonb cannot hold \u0000 and one such entry would
-- make the whole batch fail. After a failure the function halves the batch instead of trying each
-- entry alone, to need few subtransactions: a backend caches only 64 of them.
CREATE OR REPLACE FUNCTION "audit"."stage"("entries" json) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  total integer := json_array_length(entries);
  half integer := total / 2;
  taken integer;
begin
  if total = 0 then
    return 0;
  end if;
  with given as materialized (
    select
      element.entry, e.*,
      audit.uuid_or_null(e.id) as read_id,
      audit.uuid_or_null(e.user_id) as read_user_id,
      audit.uuid_or_null(e.event_id) as read_event_id,
      audit.uuid_or_null(e.target_id) as read_target_id,
      case
        when coalesce(e.action, '') = '' then '23502'
        when not isfinite(e.occurred_at) then '22008'
      end as refusal
    from json_array_elements(entries) as element (entry)
    cross join lateral json_to_record(element.entry) as e (
      id text, occurred_at timestamptz, user_id text, event_id text, target_id text,
      action text, entity_type text, request_id text, metadata jsonb, context jsonb
    )
  ),
  refused as (
    insert into audit.audit_dead_letter (lane, sqlstate, reason, id, entry)
    select
      'outbox', g.refusal,
      case g.refusal when '23502' then 'no action' else 'occurred_at is not finite' end,
      g.id, g.entry::text
    from given as g
    where g.refusal is not null
  ),
  staged as (
    insert into audit.audit_outbox (
      id, occurred_at, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context
    )
    select
      coalesce(g.read_id, audit.new_id()),
      coalesce(g.occurred_at, clock_timestamp()),
      g.read_user_id, g.read_event_id, g.read_target_id,
      left(g.action, 128), left(nullif(g.entity_type, ''), 256), left(nullif(g.request_id, ''), 256),
      audit.object_of(g.metadata),
      audit.object_of(g.context) || case when i.invalid = '{}' then '{}'
        else jsonb_build_object('invalid', i.invalid) end
    from given as g
    -- The context keeps an id that is not a uuid.
    cross join lateral jsonb_strip_nulls(jsonb_build_object(
      'id', case when g.read_id is null then left(nullif(g.id, ''), 256) end,
      'userId', case when g.read_user_id is null then left(nullif(g.user_id, ''), 256) end,
      'eventId', case when g.read_event_id is null then left(nullif(g.event_id, ''), 256) end,
      'targetId', case when g.read_target_id is null then left(nullif(g.target_id, ''), 256) end
    )) as i (invalid)
    where g.refusal is null
    returning 1
  )
  select count(*) into taken from staged;
  return taken;
exception
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    if total > 1 then
      return audit.stage((
        select json_agg(e order by n) from json_array_elements(entries) with ordinality as t (e, n)
        where n <= half
      )) + audit.stage((
        select json_agg(e order by n) from json_array_elements(entries) with ordinality as t (e, n)
        where n > half
      ));
    end if;
    -- Class 22P means that Postgres cannot hold some text in the entry. Then it cannot read the
    -- entry's id either.
    insert into audit.audit_dead_letter (lane, sqlstate, reason, id, entry)
    select
      'outbox', sqlstate, 'refused by audit.record',
      case when sqlstate not like '22P%' and json_typeof(e) = 'object' then e ->> 'id' end, e::text
    from json_array_elements(entries) as t (e);
    return 0;
end
$$;
