INSERT INTO "audit"."audit_head" DEFAULT VALUES;
--> statement-breakpoint
INSERT INTO "audit"."audit_lane" ("lane") VALUES ('staging'), ('outbox');
--> statement-breakpoint
INSERT INTO "audit"."audit_sentinel" ("epoch")
SELECT "epoch" FROM "audit"."audit_lane" WHERE "lane" = 'staging';
--> statement-breakpoint
INSERT INTO "audit"."audit_schema_version" ("version", "min_reader_version") VALUES (1, 1);
--> statement-breakpoint
-- An id as text that Postgres can read as a uuid in its usual form, or null.
CREATE FUNCTION "audit"."uuid_or_null"("id" text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case when id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then id::uuid end
$$;
--> statement-breakpoint
-- What a jsonb column of the log takes: an object. Anything else becomes one, nothing is lost.
CREATE FUNCTION "audit"."object_of"("given" jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case coalesce(jsonb_typeof(given), 'null')
    when 'null' then '{}'
    when 'object' then given
    else jsonb_build_object('value', given)
  end
$$;
--> statement-breakpoint
-- Puts entries into the outbox lane and returns how many it took. What is bad of itself goes to
-- the dead letters, one entry at a time; what cannot be written now (read-only, locked, disk full)
-- raises.
--
-- As json and not as jsonb, which could not even hold a \u0000: one such entry would take all its
-- neighbours along. Halving instead of a try per entry keeps the subtransactions few: a backend
-- tracks 64 of them cheaply.
CREATE FUNCTION "audit"."stage"("entries" json) RETURNS integer
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
    -- An id that is none is not lost: the context keeps what was given.
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
    -- Class 22P: a text in it that Postgres cannot hold, and then it cannot be asked for its id.
    insert into audit.audit_dead_letter (lane, sqlstate, reason, id, entry)
    select
      'outbox', sqlstate, 'refused by audit.record',
      case when sqlstate not like '22P%' and json_typeof(e) = 'object' then e ->> 'id' end, e::text
    from json_array_elements(entries) as t (e);
    return 0;
end
$$;
--> statement-breakpoint
-- For any language and any trigger: takes one entry or an array of entries as JSON text, in the
-- columns' names (action, user_id, event_id, target_id, entity_type, request_id, metadata, context,
-- occurred_at, id), into the outbox lane, in the caller's own transaction. Returns how many it took.
--
-- It never raises and so never aborts the caller's transaction, except where Postgres gives it no
-- choice: cancel, statement_timeout, a lost connection.
CREATE FUNCTION "audit"."record"("entries" text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s' AS $$
declare
  given json;
begin
  begin
    given := entries::json;
    if json_typeof(given) = 'object' then
      given := json_build_array(given);
    end if;
    if json_typeof(given) is distinct from 'array' then
      raise exception using errcode = 'invalid_json_text';
    end if;
    return audit.stage(given);
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- Not JSON that we can take apart: the text itself is kept.
    insert into audit.audit_dead_letter (lane, sqlstate, reason, entry)
    values ('outbox', sqlstate, 'not an entry or an array of entries', entries);
    return 0;
  end;
exception when others then
  raise warning 'audit.record could not take the entries (SQLSTATE %)', sqlstate;
  return 0;
end
$$;
--> statement-breakpoint
-- A recorder's own counts, about every ten seconds and when it closes. Counts only ever grow, so a
-- report that arrives late changes nothing.
CREATE FUNCTION "audit"."report"(
  "recorder" uuid, "started_at" timestamptz, "accepted" bigint, "staged" bigint, "dropped" jsonb,
  "closed" boolean
) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_recorder as r (id, started_at, seen_at, closed_at, accepted, staged, dropped)
  values (
    recorder, started_at, clock_timestamp(), case when closed then clock_timestamp() end,
    accepted, staged, dropped
  )
  on conflict (id) do update set
    started_at = excluded.started_at,
    seen_at = excluded.seen_at,
    closed_at = coalesce(r.closed_at, excluded.closed_at),
    accepted = greatest(r.accepted, excluded.accepted),
    staged = greatest(r.staged, excluded.staged),
    dropped = (
      select coalesce(jsonb_object_agg(
        reason, greatest((r.dropped ->> reason)::bigint, (excluded.dropped ->> reason)::bigint)
      ), '{}')
      from jsonb_object_keys(r.dropped || excluded.dropped) as reason
    )
$$;
--> statement-breakpoint
-- The fast lane's epoch, and the smallest running number of this recorder that is still in it
-- (null where none is). With the same epoch as before, everything below that number is logged.
CREATE FUNCTION "audit"."lane_state"("recorder" uuid, OUT "epoch" uuid, OUT "first_waiting" bigint)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  -- The lock first: a statement that had to wait for it (compaction empties the table and puts its
  -- rows back) would look with a snapshot from before, find nothing, and call everything logged.
  lock table audit.audit_staging in access share mode;
  select
    (select s.epoch from audit.audit_sentinel as s),
    (select min(w.recorder_seq) from audit.audit_staging as w where w.recorder_id = recorder)
  into epoch, first_waiting;
end
$$;
--> statement-breakpoint
-- Puts a dead letter's entry back into a lane. Returns 'retried', 'missing' where there is no such
-- letter, or the SQLSTATE with which the lane refuses the entry, and then the letter stays. What the
-- log refuses again becomes a new letter.
--
-- Always into the outbox lane: it is LOGGED, as the letter was, and a crash must not take now what it
-- could not take before.
CREATE FUNCTION "audit"."retry_dead_letter"("letter" bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  given json;
begin
  delete from audit.audit_dead_letter where number = letter returning * into dead;
  if not found then
    return 'missing';
  end if;
  given := dead.entry::json;
  if json_typeof(given) = 'object' and given::jsonb ?& array['id', 'occurred_at', 'recorder_seq'] then
    -- A lane's row, as a relay parked it.
    insert into audit.audit_outbox
    select * from json_populate_record(null::audit.audit_outbox, given);
  else
    -- What somebody gave to audit.record, which could not read it.
    if json_typeof(given) <> 'array' then
      given := json_build_array(given);
    end if;
    if audit.stage(given) < json_array_length(given) then
      raise exception using errcode = coalesce(dead.sqlstate, '22000');
    end if;
  end if;
  return 'retried';
exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
  return sqlstate; -- all of the above is undone
end
$$;
--> statement-breakpoint
-- Deletes a dead letter for good. What is left is an entry of our own, made in the same transaction:
-- which one, why it had died, and whose login dropped it; and its recorder's account says so too.
-- Returns whether there was such a letter.
CREATE FUNCTION "audit"."drop_dead_letter"("letter" bigint) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  with dropped as (
    delete from audit.audit_dead_letter where number = letter returning *
  ),
  accounted as (
    insert into audit.audit_recorder as r (id, dropped)
    select d.recorder_id, '{"dead_letter": 1}' from dropped as d where d.recorder_id is not null
    on conflict (id) do update set dropped = r.dropped || jsonb_build_object(
      'dead_letter', coalesce((r.dropped ->> 'dead_letter')::bigint, 0) + 1)
  ),
  traced as (
    insert into audit.audit_outbox (id, occurred_at, action, entity_type, metadata, context)
    select
      audit.new_id(), clock_timestamp(), 'audit.dead_letter_drop', 'audit',
      jsonb_build_object(
        'number', d.number, 'sqlstate', d.sqlstate, 'id', left(d.id, 256), 'lane', d.lane,
        'diedAt', d.died_at, 'recorderId', d.recorder_id
      ),
      jsonb_build_object('databaseLogin', session_user)
    from dropped as d
    returning 1
  )
  select exists (select from traced)
$$;
