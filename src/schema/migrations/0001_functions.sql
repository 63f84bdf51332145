-- Made from src/schema/functions by "npm run schema:make".
-- A UUIDv7 for an entry that comes without an id. Postgres has a function for it only from version
-- 18.
CREATE OR REPLACE FUNCTION "audit"."new_id"() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select (
    lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(random_id, 14)
  )::uuid
  from (select replace(gen_random_uuid()::text, '-', '') as random_id) as made
$$;
--> statement-breakpoint
-- Which server this is: the number that initdb gave to the cluster, and the timeline of its WAL, which
-- changes with each promotion and each recovery to a point in time. Both are null where the server
-- keeps them to itself.
CREATE OR REPLACE FUNCTION "audit"."server_identity"(
  OUT "system_identifier" bigint, OUT "timeline" integer
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  select c.system_identifier into system_identifier from pg_control_system() as c;
  if not pg_is_in_recovery() then
    -- Not from the control file, which tells the timeline of the last checkpoint.
    timeline := ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer;
  end if;
exception when insufficient_privilege then
  null;
end
$$;
--> statement-breakpoint
-- Begins a new history of the log: from now on its numbers may be those that another copy of it gave
-- to other entries, as after a restore. The log says so itself, with the old history and the last
-- entry that is here. Readers that go on from a cursor of the old history stop and are told.
CREATE OR REPLACE FUNCTION "audit"."begin_history"("reason" text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  new_history constant uuid := gen_random_uuid();
  head audit.audit_head;
begin
  select * into head from audit.audit_head for update;
  update audit.audit_head as h
  set history = new_history, system_identifier = s.system_identifier, timeline = s.timeline
  from audit.server_identity() as s;
  insert into audit.audit_history (history, first_seq, at)
  values (new_history, head.seq + 1, clock_timestamp());
  insert into audit.audit_outbox (id, occurred_at, action, entity_type, metadata, context)
  values (
    audit.new_id(), clock_timestamp(), 'audit.restored', 'audit',
    jsonb_build_object(
      'reason', reason, 'historyBefore', head.history, 'history', new_history,
      'lastSeq', head.seq,
      'lastId', (select l.id from audit.audit_log as l where l.seq = head.seq limit 1)
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return new_history;
end
$$;
--> statement-breakpoint
-- Removes a table's dead rows where VACUUM cannot. While a long transaction holds an old snapshot,
-- every batch leaves dead rows behind, and it takes longer and longer to find the live ones. The
-- function empties the table and puts its live rows (at most 2,000) back. It gets its lock at once
-- or gives up, so nobody waits for it. Returns whether it compacted the table.
--
-- A statement that waits for the lock meanwhile has an older snapshot and may not see the rows that
-- were put back. It finds the lane empty, or it gets no number from the head and fails; it is then
-- run again.
CREATE OR REPLACE FUNCTION "audit"."compact"("target" text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_rows constant integer := 2000;
  kept_rows jsonb;
begin
  if target is null or target not in ('staging', 'outbox', 'head', 'recorder') then
    raise exception 'audit.compact knows staging, outbox, head and recorder'
      using errcode = 'invalid_parameter_value';
  end if;
  execute format('lock table audit.audit_%s in access exclusive mode nowait', target);
  execute format(
    'select coalesce(jsonb_agg(to_jsonb(t)), ''[]'') from (select * from audit.audit_%s limit %s) as t',
    target, max_rows + 1) into kept_rows;
  if jsonb_array_length(kept_rows) > max_rows then
    return false;
  end if;
  execute format('truncate audit.audit_%s', target);
  execute format(
    'insert into audit.audit_%1$s select * from jsonb_populate_recordset(null::audit.audit_%1$s, $1)',
    target) using kept_rows;
  return true;
exception when lock_not_available then
  return false;
end
$$;
--> statement-breakpoint
-- Finds out whether the fast lane was emptied, and returns whether there was such a gap. A crash of
-- the server or of one backend, or a failover, leaves an UNLOGGED table empty. It empties the
-- sentinel too, and then the sentinel no longer holds the epoch that the LOGGED audit_lane holds.
--
-- After a gap the function gives the lane a new epoch and records what may be lost as an entry in
-- the LOGGED lane. Both are one transaction, so a gap is declared once, or the next call declares
-- it. A recorder that still holds entries of an older epoch stages them again, and their ids keep
-- them from being logged twice.
CREATE OR REPLACE FUNCTION "audit"."declare_gap"() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  before audit.audit_lane;
  new_epoch uuid := gen_random_uuid();
  affected jsonb;
begin
  -- One relay at a time. The others find the new epoch when they get the lock.
  select * into before from audit.audit_lane where lane = 'staging' for update;
  if exists (select from audit.audit_sentinel as s where s.epoch = before.epoch) then
    return false;
  end if;
  delete from audit.audit_sentinel;
  insert into audit.audit_sentinel (epoch) values (new_epoch);
  update audit.audit_lane
  set epoch = new_epoch, epoch_since = clock_timestamp(), resets = resets + 1
  where lane = 'staging';
  with touched as (
    update audit.audit_recorder as r set gaps = r.gaps + 1
    where r.closed_at is null or r.logged < r.staged
    returning r.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'recorderId', t.id,
    'logged', t.logged,
    'loggedThrough', t.logged_through,
    'stagedAsReported', t.staged,
    'reportedAt', t.seen_at,
    -- A closed recorder has reported all that it staged. An open one may have staged more since.
    'lostAtMost', case when t.closed_at is null then null else greatest(0, t.staged - t.logged) end
  ) order by t.id), '[]')
  into affected
  from (select * from touched order by seen_at desc nulls last limit 100) as t;
  insert into audit.audit_outbox (
    id, occurred_at, action, entity_type, metadata, context
  )
  values (
    audit.new_id(), clock_timestamp(), 'audit.gap', 'audit',
    jsonb_build_object(
      'lane', 'staging', 'reason', 'the UNLOGGED lane was emptied by a crash or a failover',
      'after', before.epoch_since, 'before', clock_timestamp(),
      'epochBefore', before.epoch, 'epoch', new_epoch, 'recorders', affected
    ),
    '{}'
  );
  return true;
end
$$;
--> statement-breakpoint
-- Says that this database was restored from a copy of an earlier time. It declares a gap in the fast
-- lane, because a dump holds the lane and its sentinel together and so looks as if nothing had been
-- staged since. And it begins a new history. Returns the new history.
CREATE OR REPLACE FUNCTION "audit"."declare_restored"() RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  -- As after a crash: without it declare_gap() takes the lane for the one that it knows.
  delete from audit.audit_sentinel;
  perform audit.declare_gap();
  return audit.begin_history('audit-relay restored');
end
$$;
--> statement-breakpoint
-- Deletes a dead letter and returns whether there was such a letter. In the same transaction it
-- records an entry that says which letter it was, why the log had refused it and which login
-- dropped it. It also counts the drop in the account of the letter's recorder.
CREATE OR REPLACE FUNCTION "audit"."drop_dead_letter"("letter" bigint) RETURNS boolean
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
--> statement-breakpoint
-- Refuses UPDATE, DELETE and TRUNCATE on the log for every role, whatever it was granted. The
-- triggers that call it are ENABLE ALWAYS, so they also fire under session_replication_role =
-- replica.
CREATE OR REPLACE FUNCTION "audit"."refuse_change"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  raise exception '% on %.% refused: the audit log is append-only',
    tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege',
          hint = 'Record a new entry that says what was wrong with the old one.';
end
$$;
--> statement-breakpoint
-- Gives the log or one of its partitions its own append-only statement trigger, because Postgres
-- does not copy statement triggers to partitions. It copies the row trigger, but a row trigger does
-- not fire for TRUNCATE or where no row matches.
CREATE OR REPLACE FUNCTION "audit"."guard_log_table"("log_table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  execute format(
    'create trigger audit_log_append_only before update or delete or truncate on %s '
    'for each statement execute function audit.refuse_change()', log_table);
  execute format('alter table %s enable always trigger audit_log_append_only', log_table);
  -- Older supported servers do not copy ENABLE ALWAYS to the partition's copy of the row trigger.
  execute format('alter table %s enable always trigger audit_log_row_append_only', log_table);
end
$$;
--> statement-breakpoint
-- The smallest UUIDv7 (RFC 9562, section 5.7) that can be made at or after this instant: 48 bits of
-- Unix milliseconds, then zeros. The log's partitions have such ids as their bounds.
CREATE OR REPLACE FUNCTION "audit"."id_floor"("at" timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select rpad(lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
--> statement-breakpoint
-- Makes the missing partitions for this month and for the given number of months after it (0 to
-- 120). Returns how many it made. The migrator calls it, and the relay calls it well ahead of need.
--
-- Postgres cannot make a month's partition while DEFAULT holds rows of that month, and the append-
-- only trigger forbids moving them. In that case the function detaches DEFAULT, makes a new one,
-- copies the rows from the old one to where they belong, and drops the old one. All of it commits
-- together or not at all. After two seconds without its lock the function fails, so that writers do
-- not wait long.
CREATE OR REPLACE FUNCTION "audit"."ensure_partitions"("months" integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' SET timezone = 'UTC' AS $$
declare
  month_start timestamptz;
  month_end timestamptz;
  partition_name text;
  default_was_detached boolean := false;
  made integer := 0;
begin
  if months is null or months < 0 or months > 120 then
    raise exception 'months must be from 0 to 120, got %', months
      using errcode = 'invalid_parameter_value';
  end if;
  -- One at a time, because two relays that start together would both make the same month.
  perform pg_advisory_xact_lock(hashtextextended('audit.ensure_partitions', 0));
  for ahead in 0 .. months loop
    month_start := date_trunc('month', now()) + make_interval(months => ahead);
    month_end := month_start + interval '1 month';
    partition_name := 'audit_log_' || to_char(month_start, 'YYYY_MM');
    continue when to_regclass('audit.' || partition_name) is not null;
    if made = 0 then
      -- Making a partition takes this lock anyway. Without it, rows could still get into DEFAULT
      -- after the check below.
      lock table only audit.audit_log in access exclusive mode;
    end if;
    if not default_was_detached then -- nested, because without DEFAULT the query does not parse
      if exists (
        select from audit.audit_log_default as d
        where d.id >= audit.id_floor(month_start) and d.id < audit.id_floor(month_end)
      ) then
        alter table audit.audit_log detach partition audit.audit_log_default;
        alter table audit.audit_log_default rename to audit_log_default_before;
        default_was_detached := true;
      end if;
    end if;
    execute format(
      'create table audit.%I partition of audit.audit_log for values from (%L) to (%L)',
      partition_name, audit.id_floor(month_start), audit.id_floor(month_end));
    perform audit.guard_log_table(format('audit.%I', partition_name)::regclass);
    made := made + 1;
  end loop;
  if default_was_detached then
    create table audit.audit_log_default partition of audit.audit_log default;
    perform audit.guard_log_table('audit.audit_log_default');
    insert into audit.audit_log select * from audit.audit_log_default_before;
    drop table audit.audit_log_default_before;
  end if;
  return made;
end
$$;
--> statement-breakpoint
-- Finds out whether this is still the log that a relay knows, and returns the last entry that it holds
-- now, for the next call. A relay calls it when it starts and every few seconds.
--
-- state is
-- - 'same': nothing has changed;
-- - 'moved': the server is on another timeline and nothing that the relay knows is missing, as after a
--   clean switch to a standby; the log says so, in the same history;
-- - 'new': another server, so a new history has begun, or somebody else has begun one;
-- - 'lost': the last entry that the relay knows is not there any more. Nothing was changed: only
--   "audit-relay restored" begins a new history then.
CREATE OR REPLACE FUNCTION "audit"."identify"(
  "known_history" uuid, "known_seq" bigint, "known_id" uuid,
  OUT "state" text, OUT "history" uuid, OUT "seq" bigint, OUT "id" uuid
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  head audit.audit_head;
  server record;
begin
  select * into head from audit.audit_head;
  select * into server from audit.server_identity();
  state := 'same';
  if head.history is distinct from known_history then
    state := case when known_history is null then 'same' else 'new' end;
  elsif known_id is not null and not exists (
    select from audit.audit_log as l where l.id = known_id and l.seq = known_seq
  ) then
    state := 'lost';
  end if;
  if state <> 'lost' and (server.system_identifier, server.timeline)
    is distinct from (head.system_identifier, head.timeline) and server.system_identifier is not null
  then
    select * into head from audit.audit_head for update; -- of several relays one writes it down
    if head.system_identifier is null then
      update audit.audit_head as h
      set system_identifier = server.system_identifier, timeline = server.timeline;
    elsif head.system_identifier <> server.system_identifier then
      perform audit.begin_history('another system identifier');
      state := 'new';
    elsif head.timeline is distinct from server.timeline then
      update audit.audit_head as h set timeline = server.timeline;
      insert into audit.audit_outbox (id, occurred_at, action, entity_type, metadata, context)
      values (
        audit.new_id(), clock_timestamp(), 'audit.moved', 'audit',
        jsonb_build_object(
          'history', head.history, 'timelineBefore', head.timeline, 'timeline', server.timeline,
          'lastSeq', head.seq),
        '{}'
      );
      state := 'moved';
    end if;
    select * into head from audit.audit_head;
  end if;
  history := head.history;
  seq := head.seq;
  select l.id into id from audit.audit_log as l where l.seq = head.seq limit 1;
end
$$;
--> statement-breakpoint
-- The fast lane's epoch. It is null from the moment when the lane was emptied until a relay
-- notices.
CREATE OR REPLACE FUNCTION "audit"."lane_epoch"() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select s.epoch from audit.audit_sentinel as s
$$;
--> statement-breakpoint
-- The fast lane's epoch, and the smallest running number of this recorder that still waits in the
-- lane (null where none waits). While the epoch stays the same, every entry below that number is
-- logged.
CREATE OR REPLACE FUNCTION "audit"."lane_state"(
  "recorder" uuid, OUT "epoch" uuid, OUT "first_waiting" bigint
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  -- The lock comes first. Compaction empties the table and puts its rows back. A statement that
  -- waits for compaction has an older snapshot: it would find no rows and call every entry logged.
  lock table audit.audit_staging in access share mode;
  select
    (select s.epoch from audit.audit_sentinel as s),
    (select min(w.recorder_seq) from audit.audit_staging as w where w.recorder_id = recorder)
  into epoch, first_waiting;
end
$$;
--> statement-breakpoint
-- Makes an object of a jsonb value, because the log's jsonb columns take nothing else. An object
-- stays as it is, null becomes {}, and any other value is kept under the key "value".
CREATE OR REPLACE FUNCTION "audit"."object_of"("given" jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case coalesce(jsonb_typeof(given), 'null')
    when 'null' then '{}'
    when 'object' then given
    else jsonb_build_object('value', given)
  end
$$;
--> statement-breakpoint
-- Reads an id given as text as a uuid. Returns null where it does not have a uuid's usual form.
CREATE OR REPLACE FUNCTION "audit"."uuid_or_null"("id" text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case when id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then id::uuid end
$$;
--> statement-breakpoint
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
--> statement-breakpoint
-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction. Any
-- language and any trigger can call it. The entries are JSON text with the columns' names as keys:
-- action, user_id, event_id, target_id, entity_type, request_id, metadata, context, occurred_at,
-- id. Returns how many entries the lane took.
--
-- It never raises, so it never aborts the caller's transaction. plpgsql cannot catch a cancel, a
-- statement_timeout or a lost connection: those are the exceptions.
CREATE OR REPLACE FUNCTION "audit"."record"("entries" text) RETURNS integer
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
    -- The text is not JSON of entries, so the dead letter keeps the text itself.
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
-- Stores a recorder's own counts. A recorder calls it about every ten seconds and when it closes.
-- Counts only grow, so a report that arrives late changes nothing.
CREATE OR REPLACE FUNCTION "audit"."report"(
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
-- Puts a dead letter's entry back into a lane. Returns 'retried', or 'missing' where there is no
-- such letter. Where the lane refuses the entry it returns the SQLSTATE, and the letter stays. An
-- entry that the log refuses again becomes a new letter.
--
-- It always uses the outbox lane. That lane is LOGGED, as the letter was, so a crash cannot take an
-- entry that it could not take before.
CREATE OR REPLACE FUNCTION "audit"."retry_dead_letter"("letter" bigint) RETURNS text
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
    -- A row of a lane that a relay parked.
    insert into audit.audit_outbox
    select * from json_populate_record(null::audit.audit_outbox, given);
  else
    -- What a caller gave to audit.record, which could not take it.
    if json_typeof(given) <> 'array' then
      given := json_build_array(given);
    end if;
    if audit.stage(given) < json_array_length(given) then
      raise exception using errcode = coalesce(dead.sqlstate, '22000');
    end if;
  end if;
  return 'retried';
exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
  return sqlstate; -- Postgres has undone all of the above
end
$$;
