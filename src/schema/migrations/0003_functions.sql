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
-- Puts entries into the outbox lane; what is bad of itself goes to the dead letters, one entry at
-- a time, and what cannot be written now (read-only, locked, disk full) is not taken.
-- Halving instead of a try per entry keeps the subtransactions few: a backend tracks 64 cheaply.
CREATE FUNCTION "audit"."stage"("entries" jsonb) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  total integer := jsonb_array_length(entries);
  half integer := total / 2;
begin
  if total = 0 then
    return 0;
  end if;
  insert into audit.audit_outbox (
    id, occurred_at, user_id, event_id, target_id, action, entity_type, request_id, metadata, context
  )
  select
    coalesce(audit.uuid_or_null(e.id), audit.new_id()),
    coalesce(e.occurred_at, clock_timestamp()),
    u.user_id, u.event_id, u.target_id,
    left(e.action, 128), left(nullif(e.entity_type, ''), 256), left(nullif(e.request_id, ''), 256),
    case
      when e.metadata is null or jsonb_typeof(e.metadata) = 'null' then '{}'
      when jsonb_typeof(e.metadata) = 'object' then e.metadata
      else jsonb_build_object('value', e.metadata)
    end,
    case when jsonb_typeof(e.context) = 'object' then e.context else '{}' end
    || case
      when u.invalid = '{}' then '{}'
      else jsonb_build_object('invalid', u.invalid)
    end
  from jsonb_to_recordset(entries) as e (
    id text, occurred_at timestamptz, user_id text, event_id text, target_id text,
    action text, entity_type text, request_id text, metadata jsonb, context jsonb
  )
  cross join lateral (
    select
      audit.uuid_or_null(e.user_id) as user_id,
      audit.uuid_or_null(e.event_id) as event_id,
      audit.uuid_or_null(e.target_id) as target_id
  ) as read_ids
  cross join lateral (
    select
      read_ids.*,
      jsonb_strip_nulls(jsonb_build_object(
        'userId', case when read_ids.user_id is null then left(nullif(e.user_id, ''), 256) end,
        'eventId', case when read_ids.event_id is null then left(nullif(e.event_id, ''), 256) end,
        'targetId', case when read_ids.target_id is null then left(nullif(e.target_id, ''), 256) end
      )) as invalid
  ) as u;
  return total;
exception
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    if total > 1 then
      return audit.stage((
        select jsonb_agg(e order by n) from jsonb_array_elements(entries) with ordinality as t (e, n)
        where n <= half
      )) + audit.stage((
        select jsonb_agg(e order by n) from jsonb_array_elements(entries) with ordinality as t (e, n)
        where n > half
      ));
    end if;
    insert into audit.audit_dead_letter (lane, sqlstate, reason, id, entry)
    values ('outbox', sqlstate, 'refused by audit.record', entries -> 0 ->> 'id', entries ->> 0);
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
  given jsonb;
begin
  begin
    given := entries::jsonb;
    if jsonb_typeof(given) = 'object' then
      given := jsonb_build_array(given);
    end if;
    if jsonb_typeof(given) is distinct from 'array' then
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
    dropped = case when excluded.accepted >= r.accepted then excluded.dropped else r.dropped end
$$;
--> statement-breakpoint
-- The fast lane's epoch, and the smallest running number of this recorder that is still in it
-- (null where none is). With the same epoch as before, everything below that number is logged.
CREATE FUNCTION "audit"."lane_state"("recorder" uuid, OUT "epoch" uuid, OUT "first_waiting" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    (select s.epoch from audit.audit_sentinel as s),
    (select min(w.recorder_seq) from audit.audit_staging as w where w.recorder_id = recorder)
$$;
