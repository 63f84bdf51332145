-- Made from src/schema/functions by "npm run schema:make".
-- Reads the text of one entry, or of an array of entries, as an array. It raises for anything else.
CREATE OR REPLACE FUNCTION "audit"."array_of"("entries" text) RETURNS json
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json := entries::json;
begin
  if json_typeof(given) = 'object' then
    return json_build_array(given);
  end if;
  if json_typeof(given) is distinct from 'array' then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'invalid_json_text';
  end if;
  return given;
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
-- How many rows wait in a lane, whether that is an estimate, and the age of the oldest of those
-- looked at, in milliseconds (null where none waits). The cost is bounded, however long the lane is:
-- the function looks at about 512 pages (4 MiB) of it, at some tens of thousands of rows.
--
-- The age is that of the time in the id, which is that of record(). An id from elsewhere may hold no
-- time: one that would be older than ten years or from the future is left out.
CREATE OR REPLACE FUNCTION "audit"."lane_look"(
  "lane" text, OUT "depth" double precision, OUT "is_estimate" boolean,
  OUT "age_ms" double precision
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_pages constant integer := 512;
  -- How many times that size the lane is long; 1 where it is no longer.
  share float8;
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.lane_look knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  share := greatest(1, pg_relation_size(('audit.audit_' || lane)::regclass)
    / current_setting('block_size')::float8 / max_pages);
  is_estimate := share > 1;
  execute format($look$
    with sample as materialized (
      select s.id from audit.audit_%s as s tablesample system (100 / $1)
    )
    select
      (select ceil(count(*) * $1) from sample),
      (
        select greatest(0, extract(epoch from clock_timestamp()) * 1000
          - ('x' || left(replace(s.id::text, '-', ''), 12))::bit(48)::bigint)
        from sample as s
        where s.id >= audit.id_floor(now() - interval '10 years')
          and s.id < audit.id_floor(now() + interval '1 day')
        order by s.id limit 1
      )
    $look$, lane)
  into depth, age_ms using share;
end
$$;
--> statement-breakpoint
-- What a scrape and a health check ask: what waits in the lanes, the last seq, how many dead letters
-- there are (counted up to 10,000), how many gaps were declared, and what the recorders reported as
-- dropped, by reason. The cost is bounded, however long the lanes are. A reported value that is no
-- count is left out.
CREATE OR REPLACE FUNCTION "audit"."backlog"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "last_seq" bigint, OUT "dead_letters" integer, OUT "gaps" integer, OUT "dropped" json
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    (select h.seq from audit.audit_head as h),
    (select count(*) from (select from audit.audit_dead_letter limit 10000) as d)::integer,
    (select sum(l.resets) from audit.audit_lane as l)::integer,
    (
      select coalesce(json_object_agg(by_reason.reason, by_reason.total), '{}')
      from (
        select d.reason, sum(
          case when jsonb_typeof(d.count) = 'number'
            then least(greatest((d.count #>> '{}')::numeric, 0), 9e15)::float8
          end
        ) as total
        from audit.audit_report as r
        cross join lateral jsonb_each(
          case when jsonb_typeof(r.dropped) = 'object' then r.dropped else '{}' end
        ) as d (reason, count)
        where r.dropped <> '{}'
        group by d.reason
      ) as by_reason
      where by_reason.total is not null
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox
$$;
--> statement-breakpoint
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
-- Puts an entry of the product's own into the outbox lane, for the functions that make one. Nobody
-- else may call it.
CREATE OR REPLACE FUNCTION "audit"."put_ours"(
  "action" text, "user_id" uuid, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_outbox (
    id, occurred_at, user_id, action, entity_type, metadata, context, ours
  )
  values (
    audit.new_id(), clock_timestamp(), put_ours.user_id, put_ours.action, 'audit',
    put_ours.metadata, put_ours.context, true
  )
  returning id
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
  perform audit.put_ours(
    'audit.restored', null,
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
-- What the lanes take at most. Every bound is here and nowhere else in the database. A number of
-- digits counts those that Postgres prints, so 1e1000 has 1,001. A constant argument makes a call
-- of it a constant of the plan.
CREATE OR REPLACE FUNCTION "audit"."bound"("name" text) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case name
    when 'entry_bytes' then 1048576 -- of an entry's text as it was given
    when 'number_digits' then 1000
    when 'levels' then 32 -- of objects and arrays in one another; metadata itself is the first
    when 'action_characters' then 128
    when 'text_characters' then 256 -- of entity_type, request_id and a kept invalid id
    when 'letter_characters' then 65536 -- kept of an entry that is longer than entry_bytes
    when 'ahead_ms' then 86400000 -- by which an id's time may be later than the database's clock
    when 'count' then 9007199254740991 -- a recorder's numbers: JavaScript counts no further
  end
$$;
--> statement-breakpoint
-- Makes a dead letter of an entry that a lane does not take. Of a text that is longer than an entry
-- may be it keeps the first part, and the reason says how long the text was.
CREATE OR REPLACE FUNCTION "audit"."bury"(
  "lane" text, "origin" text, "sqlstate" text, "reason" text, "id" text,
  "recorder" uuid, "recorder_seq" bigint, "entry" text
) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_dead_letter (
    lane, origin, sqlstate, reason, id, recorder_id, recorder_seq, entry
  )
  select
    bury.lane, bury.origin, bury.sqlstate,
    case when is_cut then format('%s (of the %s bytes the first %s characters are kept)',
      bury.reason, octet_length(bury.entry), audit.bound('letter_characters'))
      else bury.reason end,
    bury.id, bury.recorder, bury.recorder_seq,
    case when is_cut then left(bury.entry, audit.bound('letter_characters')::integer)
      else bury.entry end
  from (
    select coalesce(octet_length(bury.entry) > audit.bound('entry_bytes'), false) as is_cut
  ) as text
  on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0)) where recorder_id is not null
  do nothing
$$;
--> statement-breakpoint
-- Raises unless a recorder's row belongs to whoever shows this key. The first key that comes with a
-- recorder's id is the one: its hash is kept.
CREATE OR REPLACE FUNCTION "audit"."claim_recorder"("recorder" uuid, "key" text) RETURNS void
LANGUAGE plpgsql VOLATILE AS $$
declare
  hash text := encode(sha256(convert_to(key, 'UTF8')), 'hex');
  known text;
begin
  select r.key_hash into known from audit.audit_report as r where r.id = recorder;
  if known = hash then
    return;
  end if;
  if recorder is null or key is null or length(key) not between 16 and 256 then
    raise exception 'a recorder has an id, and a key of 16 to 256 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  if known is null then
    insert into audit.audit_report as r (id, key_hash) values (recorder, hash)
    on conflict (id) do update set key_hash = excluded.key_hash where r.key_hash is null;
    select r.key_hash into known from audit.audit_report as r where r.id = recorder;
  end if;
  if known is distinct from hash then
    raise exception 'the recorder % has another key', recorder
      using errcode = 'insufficient_privilege',
            hint = 'Two recorders have one id. Make each with createRecorder().';
  end if;
end
$$;
--> statement-breakpoint
-- Removes a table's dead rows where VACUUM cannot. While a long transaction holds an old snapshot,
-- every batch leaves dead rows behind, and it takes longer and longer to find the live ones. The
-- function empties the table and puts its live rows (at most 2,000) back. It gets its lock at once
-- or gives up, so nobody waits for it. Returns whether it compacted the table.
--
-- The head's lock comes first. While a relay moves, the function gives up there. If it took the
-- table's lock first, recorders that stage would wait for a compaction that does not happen.
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
  perform 1 from audit.audit_head for update nowait;
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
-- Copies rows of DEFAULT to the tables next to the log that replace parts of it: rows of the ranges of
-- ids to the tables of these names, all others to audit_log_default_next. Returns how many rows it
-- copied. seq_after: only rows with a greater seq; all, where it is null. With a seq_after, rows that
-- were copied before are left out.
CREATE OR REPLACE FUNCTION "audit"."copy_default"(
  "names" text[], "first_ids" uuid[], "end_ids" uuid[], "seq_after" bigint
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  elsewhere text := 'true';
  copied bigint;
  copied_in_all bigint := 0;
begin
  for range in 1 .. cardinality(names) loop
    execute format(
      'insert into audit.%I select * from audit.audit_log_default '
      'where id >= %L and id < %L and ($1 is null or seq > $1) %s',
      names[range], first_ids[range], end_ids[range],
      case when seq_after is null then '' else 'on conflict (id) do nothing' end)
    using seq_after;
    get diagnostics copied = row_count;
    copied_in_all := copied_in_all + copied;
    elsewhere := elsewhere
      || format(' and not (id >= %L and id < %L)', first_ids[range], end_ids[range]);
  end loop;
  execute format(
    'insert into audit.audit_log_default_next select * from audit.audit_log_default '
    'where %s and ($1 is null or seq > $1) %s',
    elsewhere, case when seq_after is null then '' else 'on conflict (id) do nothing' end)
  using seq_after;
  get diagnostics copied = row_count;
  return copied_in_all + copied;
end
$$;
--> statement-breakpoint
-- Puts "[Depth]" in the place of each object and array that stands deeper than so many levels, as the
-- library does. The value itself is the first level.
CREATE OR REPLACE FUNCTION "audit"."cut_deep"("given" jsonb, "levels" integer) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  case jsonb_typeof(given)
    when 'object' then
      if levels = 0 then
        return '"[Depth]"';
      end if;
      return (
        select coalesce(jsonb_object_agg(key, audit.cut_deep(value, levels - 1)), '{}')
        from jsonb_each(given)
      );
    when 'array' then
      if levels = 0 then
        return '"[Depth]"';
      end if;
      return (
        select coalesce(jsonb_agg(audit.cut_deep(value, levels - 1) order by n), '[]')
        from jsonb_array_elements(given) with ordinality as element (value, n)
      );
    else
      return given;
  end case;
end
$$;
--> statement-breakpoint
-- Which database of which server this is, so that what a process has left on disk is not staged in
-- another one. The number of the server is null where the server keeps it to itself.
CREATE OR REPLACE FUNCTION "audit"."database_identity"(
  OUT "system_identifier" bigint, OUT "database" oid
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select s.system_identifier, d.oid
  from audit.server_identity() as s cross join pg_database as d
  where d.datname = current_database()
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
    insert into audit.audit_recorder as r (id, gaps)
    select coalesce(p.id, a.id), 1
    from audit.audit_report as p full join audit.audit_recorder as a on a.id = p.id
    where p.closed_at is null or coalesce(a.logged, 0) < p.staged
    on conflict (id) do update set gaps = r.gaps + 1
    returning r.*
  )
  select coalesce(jsonb_agg(jsonb_build_object(
    'recorderId', t.id,
    'logged', t.logged,
    'loggedThrough', t.logged_through,
    'stagedAsReported', coalesce(t.staged, 0),
    'reportedAt', t.seen_at,
    -- A closed recorder has reported all that it staged. An open one may have staged more since.
    'lostAtMost', case when t.closed_at is null then null else greatest(0, t.staged - t.logged) end
  ) order by t.id), '[]')
  into affected
  from (
    select touched.*, p.staged, p.seen_at, p.closed_at
    from touched left join audit.audit_report as p on p.id = touched.id
    order by p.seen_at desc nulls last limit 100
  ) as t;
  perform audit.put_ours(
    'audit.gap', null,
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
-- Whether DEFAULT holds a row of one of these ranges of ids. It asks the index once for each.
CREATE OR REPLACE FUNCTION "audit"."default_holds"("first_ids" uuid[], "end_ids" uuid[])
RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
declare
  is_held boolean;
begin
  for range in 1 .. cardinality(first_ids) loop
    execute 'select exists (select from audit.audit_log_default where id >= $1 and id < $2)'
    into is_held using first_ids[range], end_ids[range];
    if is_held then
      return true;
    end if;
  end loop;
  return false;
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
    insert into audit.audit_report as r (id, dropped)
    select d.recorder_id, '{"dead_letter": 1}' from dropped as d where d.recorder_id is not null
    on conflict (id) do update set dropped = r.dropped || jsonb_build_object(
      'dead_letter', coalesce((r.dropped ->> 'dead_letter')::bigint, 0) + 1)
  ),
  traced as (
    select audit.put_ours(
      'audit.dead_letter_drop', null,
      jsonb_build_object(
        'number', d.number, 'sqlstate', d.sqlstate, 'id', left(d.id, 256), 'lane', d.lane,
        'diedAt', d.died_at, 'recorderId', d.recorder_id, 'writtenBy', d.written_by
      ),
      jsonb_build_object('databaseLogin', session_user)
    )
    from dropped as d
  )
  select exists (select from traced)
$$;
--> statement-breakpoint
-- Refuses UPDATE, DELETE and TRUNCATE on the log for every role, even one that was granted them. The
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
-- The months without a partition, from this one to the given number of months after it: the name of
-- each one's partition, the smallest id in it and the smallest id behind it.
CREATE OR REPLACE FUNCTION "audit"."missing_months"(
  "months" integer, OUT "name" text, OUT "first_id" uuid, OUT "end_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select m.name, audit.id_floor(m.start), audit.id_floor(m.start + interval '1 month')
  from (
    select s.start, 'audit_log_' || to_char(s.start, 'YYYY_MM') as name
    from (
      select date_trunc('month', now()) + make_interval(months => ahead) as start
      from generate_series(0, months) as ahead
    ) as s
  ) as m
  where to_regclass('audit.' || m.name) is null
  order by m.start
$$;
--> statement-breakpoint
-- The condition that an id lies neither in a partition of the log nor in one of these ranges: what
-- DEFAULT holds once the ranges are partitions, too. Ranges that meet are joined, because Postgres
-- compares each with each when it attaches DEFAULT.
CREATE OR REPLACE FUNCTION "audit"."outside_of_partitions"("first_ids" uuid[], "end_ids" uuid[])
RETURNS text
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  with partition as (
    select
      pg_get_partition_constraintdef(c.oid) as condition,
      regexp_match(pg_get_expr(c.relpartbound, c.oid),
        '^FOR VALUES FROM [(]''([0-9a-f-]{36})''[)] TO [(]''([0-9a-f-]{36})''[)]$') as bounds
    from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
    where i.inhparent = 'audit.audit_log'::regclass
      and pg_get_expr(c.relpartbound, c.oid) <> 'DEFAULT'
  ),
  range as (
    select p.bounds[1]::uuid as first_id, p.bounds[2]::uuid as end_id from partition as p
    where p.bounds is not null
    union all
    select r.first_id, r.end_id from unnest(first_ids, end_ids) as r (first_id, end_id)
  ),
  begun as (
    select r.*, r.first_id is distinct from lag(r.end_id) over (order by r.first_id) as is_apart
    from range as r
  ),
  numbered as (
    select b.*, count(*) filter (where b.is_apart) over (order by b.first_id) as island from begun as b
  ),
  joined as (
    select format('(id < %L or id >= %L)',
      (array_agg(n.first_id order by n.first_id))[1],
      (array_agg(n.end_id order by n.first_id desc))[1]) as condition
    from numbered as n group by n.island
    union all
    select format('not (%s)', p.condition) from partition as p where p.bounds is null
  )
  select string_agg(j.condition, ' and ') from joined as j
$$;
--> statement-breakpoint
-- The sessions that hold a lock of the log or of one of its partitions, the longest transaction
-- first. While one of them does, no partition can be made. transaction names the transaction in which
-- a session holds it. for_ms is how long that has been open, in milliseconds; null where audit_owner
-- may not see it, which is so for most logins.
CREATE OR REPLACE FUNCTION "audit"."who_holds_log"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "transaction" text,
  OUT "for_ms" double precision
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.pid, a.usename::text, a.application_name, l.transaction,
    (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::double precision
  from (
    select distinct k.pid, k.virtualtransaction as transaction from pg_locks as k
    where k.locktype = 'relation' and k.granted and k.pid is distinct from pg_backend_pid()
      and k.database = (select d.oid from pg_database as d where d.datname = current_database())
      and (
        k.relation = 'audit.audit_log'::regclass
        or k.relation in (
          select i.inhrelid from pg_inherits as i where i.inhparent = 'audit.audit_log'::regclass
        )
      )
  ) as l
  left join pg_stat_activity as a on a.pid = l.pid
  order by a.xact_start nulls last, l.pid
$$;
--> statement-breakpoint
-- Makes the missing partitions for this month and for the given number of months after it (0 to
-- 120), at most 24 in a call. Returns how many it made; also 0 where another session is making
-- them. The relay calls it well ahead of need, until it returns 0; the migrator calls it, too.
--
-- The function holds the log's lock for some milliseconds only, even if DEFAULT holds many rows:
-- - It makes the tables next to the log. A CHECK on each says that it holds only rows of its month, so
--   that Postgres need not read the table when it is attached.
-- - Postgres attaches no month while DEFAULT holds rows of it, and the append-only trigger forbids
--   moving them. Then the function copies all rows of DEFAULT to where they belong, the others to a
--   new DEFAULT, while the log is written and read. It does so as well where DEFAULT is so long that
--   Postgres would read it for too long.
-- - What was logged meanwhile has a greater seq than the head had at the copy. That little is copied
--   under the lock. Where DEFAULT holds a greater seq than the head, somebody other than the relay
--   wrote to the log, and all rows are counted.
-- - It waits for the lock for 100 ms, because everybody else waits behind it. Then it lets go, and
--   tries again after 0.3 to 1 s, five times in all (55P03).
CREATE OR REPLACE FUNCTION "audit"."ensure_partitions"("months" integer DEFAULT 3) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
declare
  max_made constant integer := 24;
  max_tries constant integer := 5;
  -- So many pages of DEFAULT are read under the lock in some ten milliseconds.
  max_pages_read constant bigint := 4096;
  max_rows_copied constant integer := 1000;
  max_rows_compared constant integer := 10000;
  missing text[];
  first_ids uuid[];
  end_ids uuid[];
  is_copied boolean := false;
  is_by_hand boolean;
  head_at_copy bigint;
  head_now bigint;
  copied bigint;
  copied_in_all bigint;
begin
  if months is null or months < 0 or months > 120 then
    raise exception 'months must be from 0 to 120, got %', months
      using errcode = 'invalid_parameter_value';
  end if;
  select array_agg(m.name), array_agg(m.first_id), array_agg(m.end_id)
  into missing, first_ids, end_ids
  from (select * from audit.missing_months(months) limit max_made) as m;
  if missing is null then
    return 0;
  end if;
  -- One session at a time, because two would both make the same month.
  perform 1 from audit.audit_turn as t where t.turn = -1 for no key update skip locked;
  if not found then
    return 0;
  end if;
  select array_agg(m.name), array_agg(m.first_id), array_agg(m.end_id)
  into missing, first_ids, end_ids
  from (select * from audit.missing_months(months) limit max_made) as m;
  if missing is null then
    return 0;
  end if;
  for month in 1 .. cardinality(missing) loop
    execute format('create table audit.%I (like audit.audit_log including all)', missing[month]);
    execute format('alter table audit.%I add constraint audit_log_bounds check (id >= %L and id < %L)',
      missing[month], first_ids[month], end_ids[month]);
  end loop;

  for try in 1 .. max_tries loop
    if not is_copied and (
      pg_relation_size('audit.audit_log_default') / current_setting('block_size')::bigint
        * cardinality(missing) > max_pages_read
      or audit.default_holds(first_ids, end_ids)
    ) then
      if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'rows of DEFAULT cannot be moved at the isolation level %',
          current_setting('transaction_isolation')
          using errcode = 'invalid_transaction_state',
            hint = 'Set default_transaction_isolation to read committed for this login.';
      end if;
      create table audit.audit_log_default_next (like audit.audit_log including all);
      execute format(
        'alter table audit.audit_log_default_next add constraint audit_log_bounds check (%s)',
        audit.outside_of_partitions(first_ids, end_ids));
      select h.seq, exists (select from audit.audit_log_default as d where d.seq > h.seq)
      into head_at_copy, is_by_hand from audit.audit_head as h;
      copied_in_all := audit.copy_default(missing, first_ids, end_ids, null);
      is_copied := true;
      for round in 1 .. 10 loop
        exit when is_by_hand;
        select h.seq into head_now from audit.audit_head as h;
        copied := audit.copy_default(missing, first_ids, end_ids, head_at_copy);
        head_at_copy := head_now;
        exit when copied < max_rows_copied;
      end loop;
    end if;
    begin
      lock table only audit.audit_log in access exclusive mode;
      if is_copied then
        lock table audit.audit_log_default in access exclusive mode;
        if is_by_hand then
          if (select count(*) from audit.audit_log_default) = copied_in_all then
            null;
          elsif copied_in_all <= max_rows_compared then
            perform audit.copy_default(missing, first_ids, end_ids, -1);
          else
            raise exception 'rows came meanwhile' using errcode = 'lock_not_available';
          end if;
        elsif (
          select count(*) from (
            select from audit.audit_log_default as d where d.seq > head_at_copy
            limit max_rows_copied + 1
          ) as late
        ) > max_rows_copied then
          raise exception 'too many rows came meanwhile' using errcode = 'lock_not_available';
        else
          perform audit.copy_default(missing, first_ids, end_ids, head_at_copy);
        end if;
        alter table audit.audit_log detach partition audit.audit_log_default;
        drop table audit.audit_log_default;
      elsif audit.default_holds(first_ids, end_ids) then
        raise exception 'rows of a missing month came to DEFAULT meanwhile'
          using errcode = 'lock_not_available';
      end if;
      for month in 1 .. cardinality(missing) loop
        execute format('alter table audit.audit_log attach partition audit.%I for values from (%L) to (%L)',
          missing[month], first_ids[month], end_ids[month]);
        execute format('alter table audit.%I drop constraint audit_log_bounds', missing[month]);
        perform audit.guard_log_table(format('audit.%I', missing[month])::regclass);
      end loop;
      if is_copied then
        alter table audit.audit_log_default_next rename to audit_log_default;
        alter table audit.audit_log attach partition audit.audit_log_default default;
        alter table audit.audit_log_default drop constraint audit_log_bounds;
        perform audit.guard_log_table('audit.audit_log_default');
      end if;
      return cardinality(missing);
    exception when lock_not_available then
      if try = max_tries then
        raise exception 'the log was locked by another session % times', max_tries
          using errcode = 'lock_not_available',
            hint = 'audit.who_holds_log() names the sessions.';
      end if;
    end;
    perform pg_sleep(0.3 + 0.7 * random());
    if is_copied and is_by_hand then
      copied_in_all := copied_in_all + audit.copy_default(missing, first_ids, end_ids, -1);
    elsif is_copied then
      select h.seq into head_now from audit.audit_head as h;
      perform audit.copy_default(missing, first_ids, end_ids, head_at_copy);
      head_at_copy := head_now;
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- Whether a person would take an action for one of the product's own, because of letters of other
-- alphabets that look like those of "audit", or of something between them that cannot be seen. Only
-- UTF-8 has such letters. The pattern holds no backslash: a session may give it another meaning.
CREATE OR REPLACE FUNCTION "audit"."is_lookalike"("action" text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
begin
  if getdatabaseencoding() <> 'UTF8' then
    return false;
  end if;
  return normalize(action, NFKD) ~* replace(replace(
    '^(?:~|[^[:alnum:]])*[a#u0251#u0430#u0410#u03b1#u0391]~*[u#u028b#u03c5#u03a5#u057d#u054d]~*'
      || '[d#u0501#u0500]~*[i#u0131#u0269#u0456#u0406#u03b9#u0399]~*[t#u0442#u0422#u03c4#u03a4]~*'
      || '[^[:alnum:]]*([.#u3002#u00b7]|$)',
    '~', '[#u0001-#u001f#u007f-#u009f#u00ad#u0300-#u036f#u061c#u115f#u1160#u180e#u200b-#u200f'
      || '#u2028-#u202e#u2060-#u206f#u3164#ufe00-#ufe0f#ufeff]'), '#', chr(92));
end
$$;
--> statement-breakpoint
-- Whether an action belongs to the product itself: its entity is "audit", in capitals or not, with
-- anything before it that is no letter and no digit. Such a text looks like one of ours to a person.
-- Most actions begin with another letter, so only few are matched with the pattern.
CREATE OR REPLACE FUNCTION "audit"."is_reserved"("action" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case
    when ascii(action) between 98 and 122 then false
    when action ~* '^[^[:alnum:]]*audit[^[:alnum:]]*([.]|$)' then true
    when octet_length(action) = length(action) then false
    else audit.is_lookalike(action)
  end
$$;
--> statement-breakpoint
-- Whether a UUID is a UUIDv7 of RFC 9562: its version and its variant are.
CREATE OR REPLACE FUNCTION "audit"."is_uuid7"("id" uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select get_byte(uuid_send(id), 6) >> 4 = 7 and get_byte(uuid_send(id), 8) >> 6 = 2
$$;
--> statement-breakpoint
-- All numbers in two documents, at whatever depth.
CREATE OR REPLACE FUNCTION "audit"."numbers_in"("metadata" jsonb, "context" jsonb)
RETURNS SETOF numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select value::numeric
  from (values (metadata), (context)) as documents (document)
  cross join lateral jsonb_path_query(document, 'strict $.** ? (@.type() == "number")') as value
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
-- Looks closely at one entry, given as a JSON object with the columns' names, for a lane that takes
-- ids from "oldest" to before "latest". What is too much is cut, what is no id goes to
-- context.invalid, and context.degraded says what was cut. "refusal" is the SQLSTATE where the entry
-- cannot be taken at all, "reason" says why in words that quote nothing of it. It never raises for
-- what an entry holds and writes nothing, so its subtransactions take no transaction id.
CREATE OR REPLACE FUNCTION "audit"."examine"(
  "given" json, "bytes" integer, "oldest" uuid, "latest" uuid,
  OUT "refusal" text, OUT "reason" text, OUT "given_id" text, OUT "entry" "audit"."audit_outbox"
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  max_text constant integer := audit.bound('text_characters');
  max_levels constant integer := audit.bound('levels');
  is_container constant jsonpath := format(
    'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', max_levels);
  fields record;
  invalid jsonb;
  marks text[] := '{}';
  is_long boolean;
  printed bigint;
begin
  if bytes > audit.bound('entry_bytes') then
    refusal := '54000';
    reason := format('the entry has %s bytes of text, at most %s are taken', bytes,
      audit.bound('entry_bytes'));
    return;
  end if;
  if json_typeof(given) is distinct from 'object' then
    refusal := '22023';
    reason := 'not an entry: it is no JSON object';
    return;
  end if;
  begin
    select * into fields from json_to_record(given) as f (
      id text, occurred_at text, recorder_seq text, user_id text, event_id text, target_id text,
      action text, entity_type text, request_id text, metadata json, context json
    );
    given_id := left(fields.id, max_text);
    entry.metadata := audit.object_of(fields.metadata::jsonb);
    entry.context := audit.object_of(fields.context::jsonb);
    entry.occurred_at := coalesce(fields.occurred_at::timestamptz, clock_timestamp());
    entry.recorder_seq := fields.recorder_seq::bigint;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    refusal := sqlstate;
    reason := 'the database cannot hold a value of the entry';
    return;
  end;

  if coalesce(fields.action, '') = '' then
    refusal := '23502';
    reason := 'no action';
    return;
  end if;
  if audit.is_reserved(fields.action) then
    refusal := '42501';
    reason := 'actions of the entity "audit" are the product''s own: use another entity name';
    return;
  end if;
  if entry.occurred_at < '0001-01-01 00:00:00+00' or entry.occurred_at >= '10000-01-01 00:00:00+00'
  then
    refusal := '22008';
    reason := 'occurred_at is not between the years 1 and 9999';
    return;
  end if;

  -- By its size first: Postgres can hold a number of 131,072 digits in some bytes, and printing
  -- thousands of those would take minutes.
  select coalesce(bool_or(abs(n) >= 1e1000 or scale(n) > 1000), false) into is_long
  from audit.numbers_in(entry.metadata, entry.context) as n;
  if not is_long then
    select coalesce(bool_or(length(translate(n::text, '-.', '')) > 1000), false),
      coalesce(sum(length(n::text)), 0)
    into is_long, printed
    from audit.numbers_in(entry.metadata, entry.context) as n;
  end if;
  if is_long then
    refusal := '22003';
    reason := format('a number has more than %s digits', audit.bound('number_digits'));
    return;
  end if;
  if printed > audit.bound('entry_bytes') then
    refusal := '54000';
    reason := format('the numbers of the entry written out have %s digits, at most %s are taken',
      printed, audit.bound('entry_bytes'));
    return;
  end if;

  entry.id := audit.uuid_or_null(fields.id);
  if entry.id is null or not audit.is_uuid7(entry.id) then
    entry.id := audit.new_id();
    invalid := jsonb_build_object('id', left(nullif(fields.id, ''), max_text));
  elsif entry.id >= latest then
    refusal := '22008';
    reason := 'the id''s time is more than a day ahead of the database''s clock: '
      || 'set the clock of the machine that made it, or retry once that time has come';
    return;
  elsif entry.id < oldest then
    refusal := '22008';
    reason := 'the id''s time is before the first partition of the log';
    return;
  end if;
  entry.user_id := audit.uuid_or_null(fields.user_id);
  entry.event_id := audit.uuid_or_null(fields.event_id);
  entry.target_id := audit.uuid_or_null(fields.target_id);
  invalid := jsonb_strip_nulls(coalesce(invalid, '{}') || jsonb_build_object(
    'userId', case when entry.user_id is null then left(nullif(fields.user_id, ''), max_text) end,
    'eventId', case when entry.event_id is null then left(nullif(fields.event_id, ''), max_text) end,
    'targetId',
    case when entry.target_id is null then left(nullif(fields.target_id, ''), max_text) end
  ));

  entry.action := left(fields.action, audit.bound('action_characters')::integer);
  entry.entity_type := left(nullif(fields.entity_type, ''), max_text);
  entry.request_id := left(nullif(fields.request_id, ''), max_text);
  if entry.action <> fields.action then
    marks := marks || 'action.truncated'::text;
  end if;
  if entry.entity_type <> fields.entity_type then
    marks := marks || 'entityType.truncated'::text;
  end if;
  if entry.request_id <> fields.request_id then
    marks := marks || 'requestId.truncated'::text;
  end if;
  if jsonb_path_exists(entry.metadata, is_container) then
    entry.metadata := audit.cut_deep(entry.metadata, max_levels);
    marks := marks || 'metadata.depth'::text;
  end if;
  if jsonb_path_exists(entry.context, is_container) then
    entry.context := audit.cut_deep(entry.context, max_levels);
    marks := marks || 'context.depth'::text;
  end if;
  if invalid <> '{}' then
    entry.context := entry.context || jsonb_build_object('invalid', invalid);
  end if;
  if marks <> '{}' then
    entry.context := entry.context || jsonb_build_object('degraded', to_jsonb(marks) || case
      when jsonb_typeof(entry.context -> 'degraded') = 'array' then entry.context -> 'degraded'
      else '[]'
    end);
  end if;
  entry.written_by := session_user;
  entry.ours := false;
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
-- - 'new': another server, so a new history has begun, or somebody else has begun one. A dump holds
--   the fast lane and its sentinel together, so the function declares a gap in that lane, too;
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
    -- One relay writes it down. Where another session holds the head, the next call looks again.
    select * into head from audit.audit_head for update skip locked;
    if not found then
      select * into head from audit.audit_head;
    elsif head.system_identifier is null then
      update audit.audit_head as h
      set system_identifier = server.system_identifier, timeline = server.timeline;
    elsif head.system_identifier <> server.system_identifier then
      delete from audit.audit_sentinel;
      perform audit.declare_gap();
      perform audit.begin_history('another system identifier');
      state := 'new';
    elsif head.timeline is distinct from server.timeline then
      update audit.audit_head as h set timeline = server.timeline;
      perform audit.put_ours(
        'audit.moved', null,
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
-- Whether a lane takes metadata or context exactly as it is. Null and false say that examine() has to
-- look: it is no object, or may be more than 32 levels deep (with fewer than 264 bytes it cannot be),
-- or may hold a number of more than 1,000 digits. "is_plain" says that the text that it came in holds
-- none. Otherwise "printed" tells: its text as Postgres prints it, or null for one of 16 KiB or more,
-- because some bytes can hold a number of 131,072 digits. A text of 1,000 bytes holds no such number,
-- and one that does has 24 digits side by side.
CREATE OR REPLACE FUNCTION "audit"."is_document_fit"(
  "document" jsonb, "printed" text, "is_plain" boolean
) RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
  select jsonb_typeof(document) = 'object'
    and (pg_column_size(document) < 264 or not jsonb_path_exists(document, 'strict $.**{32}'))
    and (is_plain or octet_length(printed) <= 1000 or printed !~ '[0-9]{24}' collate "C")
$$;
--> statement-breakpoint
-- Whether a lane takes an entry exactly as it is, but for its metadata and context. Null and false
-- say that examine() has to look: lengths are counted in bytes here, which is cheaper. A statement
-- that calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_fit"(
  "id" uuid, "occurred_at" timestamptz, "action" text, "entity_type" text, "request_id" text,
  "oldest" uuid, "latest" uuid
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select id >= oldest and id < latest and audit.is_uuid7(id)
    and occurred_at >= '0001-01-01 00:00:00+00' and occurred_at < '10000-01-01 00:00:00+00'
    and octet_length(action) between 1 and audit.bound('action_characters')
    and not audit.is_reserved(action)
    and (entity_type is null
      or octet_length(entity_type) between 1 and audit.bound('text_characters'))
    and (request_id is null
      or octet_length(request_id) between 1 and audit.bound('text_characters'))
$$;
--> statement-breakpoint
-- Whether a text of so many entries holds none that is too large, and no number of more than 1,000
-- digits, written out or as an exponent, for sure. It looks only at a text with more than 2 KiB an
-- entry: below that, to print the metadata and the context of each entry costs less than this pattern.
CREATE OR REPLACE FUNCTION "audit"."is_plain"("given" text, "entries" integer) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select octet_length(given) > 2048 * entries
    and octet_length(given) <= audit.bound('entry_bytes')
    and given !~ '[0-9]{24}|[[:space:],:[]-?[0-9][0-9.]*[eE][-+]?[0-9]{3}' collate "C"
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
-- A row of a lane as the text of its dead letter. Who wrote it, and whether it is ours, stand in the
-- letter's own columns and not in the text, which an operator may hand out.
CREATE OR REPLACE FUNCTION "audit"."lane_text"(
  "id" uuid, "occurred_at" timestamptz, "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "recorder_id" uuid, "recorder_seq" bigint, "action" text, "entity_type" text, "request_id" text,
  "metadata" jsonb, "context" jsonb
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select row_to_json(r)::text
  from (
    select id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq,
      action, entity_type, request_id, metadata, context
  ) as r
$$;
--> statement-breakpoint
-- The smallest id that is too far ahead of the database's clock to be taken.
CREATE OR REPLACE FUNCTION "audit"."latest_id"() RETURNS uuid
LANGUAGE sql VOLATILE AS $$
  select rpad(lpad(to_hex(
    (extract(epoch from clock_timestamp()) * 1000)::bigint + audit.bound('ahead_ms')
  ), 12, '0'), 32, '0')::uuid
$$;
--> statement-breakpoint
-- The numbers of the dead letters behind one number, smallest first, at most max_letters.
CREATE OR REPLACE FUNCTION "audit"."letter_numbers"("after" bigint, "max_letters" integer)
RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select d.number from audit.audit_dead_letter as d
  where d.number > after order by d.number limit max_letters
$$;
--> statement-breakpoint
-- The newest dead letters, newest first, at most max_letters: why the log refused each, and how long
-- its entry is. What it says is left out, because that is personal and can be long.
CREATE OR REPLACE FUNCTION "audit"."list_letters"(
  "max_letters" integer, OUT "number" bigint, OUT "died_at" text, OUT "lane" text,
  OUT "sqlstate" text, OUT "reason" text, OUT "id" text, OUT "recorder_id" uuid,
  OUT "recorder_seq" bigint, OUT "entry_bytes" integer
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    d.number, to_json(d.died_at at time zone 'UTC') #>> '{}' || 'Z', d.lane, d.sqlstate, d.reason, left(d.id, 128), d.recorder_id,
    d.recorder_seq, coalesce(octet_length(d.entry), 0)
  from audit.audit_dead_letter as d order by d.number desc limit max_letters
$$;
--> statement-breakpoint
-- The places and ids of the next rows of a lane (at most max_rows), in no order. Rows that another
-- session holds are left out. The relay asks when the log refused a batch, to find the row at fault.
CREATE OR REPLACE FUNCTION "audit"."list_places"(
  "lane" text, "max_rows" integer, OUT "place" text, OUT "id" uuid
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.list_places knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  return query execute format(
    'select l.ctid::text, l.id from audit.audit_%s as l limit $1 for update of l skip locked', lane)
  using max_rows;
end
$$;
--> statement-breakpoint
-- For the WHERE of a statement that puts entries into a lane: lets no entry through, and leaves a note
-- for the rest of the function that some entry was not fit. Only such entries pay for it.
CREATE OR REPLACE FUNCTION "audit"."mark_unfit"() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  select set_config('audit.unfit', 'yes', true) is null
$$;
--> statement-breakpoint
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
--> statement-breakpoint
-- Moves one batch out of the lane staging, as the part of audit.move that takes the entries and appends
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
CREATE OR REPLACE FUNCTION "audit"."take_from_staging"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
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
      'staging', 'move', m.written_by, m.ours, case when c.fits_the_log then '23505' else '23514' end,
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
--> statement-breakpoint
-- Takes the next entries from a lane and appends them to the log. The relay calls it in autocommit,
-- so no entry is ever in both or in neither, even if a process dies at any moment.
--
-- - lock_timeout_ms bounds each wait for a lock, in milliseconds.
-- - from_place: take only rows at this place in the lane or behind it. Each batch leaves dead rows
--   behind that every look at the lane steps over, so the next batch begins where this one ended.
-- - places: an array of places in the lane, as text. Take only the rows at these places.
-- - turn_head, turn_after: the place of a move among those of one relay that are under way at once.
--   It counts on the head to stand at turn_head when the move in front, whose own turn_head is
--   turn_after, has committed. The first move in turn has no turn_after.
--
-- It returns how many rows left the lane, how many entries are new in the log, how many became dead
-- letters, where it left the head of the log (null where nothing was logged), whether it stood back
-- because another relay moves, and the place of the last row that it took.
--
-- - An idle poll takes no transaction id: a lock of a row would take one, so the function looks
--   into the lane first. Behind a full batch it does not: as a rule there is more, and the look would
--   step over the dead rows of all batches before.
-- - An asynchronous commit could lose a batch on both sides: the fast lane is UNLOGGED, and the log
--   would not be flushed. A SET clause of the function would not do, because its setting ends with
--   the function, before the commit.
-- - One relay moves at a time, because two that meet at the head would only delay each other. The
--   relay that moves holds the row of audit_head, and of audit_turn row 0; both locks end with the
--   statement, so when a relay dies, another one goes on at its next poll. Moves in turn share row
--   0, and each takes the row of audit_turn that stands for its turn_head. They are locks of rows,
--   and not advisory locks, because everybody who may connect can take an advisory lock.
-- - Rows in places are moved while another relay moves, too: then the function waits for the head.
-- - The batch is moved by one statement, that of audit.take_from_staging or audit.take_from_outbox.
--   Its snapshot is newer than the lock of the head, so it sees every entry that any other relay has
--   logged.
-- - A move in turn has written its entries when it waits for the move in front, so that most of the
--   work of several moves is done at once. After the wait the head has to stand at turn_head. If
--   it stands elsewhere, the function fails and nothing was logged under a wrong number.
-- - The head's row is locked until the commit, which makes seq the commit order. A head that did
--   not change is not written. The recorders' accounts come after the head, in the order of their
--   ids, so that moves cannot deadlock there.
CREATE OR REPLACE FUNCTION "audit"."move"(
  "lane" text, "batch_entries" integer, "lock_timeout_ms" integer,
  "from_place" text, "places" text, "turn_head" bigint, "turn_after" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "parked" integer, OUT "head" bigint,
  OUT "stood_back" boolean, OUT "through" text
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  is_waiting boolean;
  head_before bigint;
  recorders uuid[];
  entries bigint[];
  last_numbers bigint[];
begin
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.move knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  select 0, 0, 0, false into claimed, logged, parked, stood_back;
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  if from_place is null and lane = 'staging' then
    is_waiting := exists (select from audit.audit_staging);
  elsif from_place is null then
    is_waiting := exists (select from audit.audit_outbox);
  else
    is_waiting := true;
  end if;
  if not is_waiting then
    return;
  end if;

  if places is not null then
    select h.seq into head_before from audit.audit_head as h for no key update;
  elsif turn_head is null then
    select h.seq into head_before
    from audit.audit_head as h, audit.audit_turn as t
    where t.turn = 0
    for no key update skip locked;
  else
    select turn_head into head_before
    from audit.audit_turn as t where t.turn = 0 for share skip locked;
    if found then
      select turn_head into head_before
      from audit.audit_turn as t
      where t.turn = 1 + turn_head % 4093 for no key update skip locked;
    end if;
    if found and turn_after is null then
      select turn_head into head_before
      from audit.audit_head as h where h.seq = turn_head for no key update skip locked;
    elsif found then
      select turn_head into head_before from audit.audit_head as h where h.seq <= turn_head;
    end if;
  end if;
  if not found then
    if not exists (select from audit.audit_head)
      or (select count(*) from audit.audit_turn as t
          where t.turn = 0 or t.turn = 1 + coalesce(turn_head, 0) % 4093) < 2 then
      raise exception 'audit.audit_head or audit.audit_turn has lost its rows: nothing can be moved'
        using errcode = 'no_data_found', schema = 'audit', table = 'audit_head';
    end if;
    stood_back := true;
    return;
  end if;

  if lane = 'staging' then
    select t.* into claimed, logged, parked, through, recorders, entries, last_numbers
    from audit.take_from_staging(batch_entries, from_place::tid, places::tid[], head_before) as t;
  else
    select t.* into claimed, logged, parked, through, recorders, entries, last_numbers
    from audit.take_from_outbox(batch_entries, from_place::tid, places::tid[], head_before) as t;
  end if;
  if logged = 0 then
    return;
  end if;

  if turn_after is not null then
    perform 1 from audit.audit_turn as t where t.turn = 1 + turn_after % 4093 for share;
  end if;
  update audit.audit_head as h set seq = head_before + logged where h.seq = head_before
  returning h.seq into head;
  if not found then
    raise exception
      'audit-outbox: not an error; numbers up to % are taken, the batch is moved again',
      (select h.seq from audit.audit_head as h)
      using errcode = 'invalid_text_representation';
  end if;
  if recorders is not null then
    insert into audit.audit_recorder as r (id, logged, logged_through)
    select a.id, a.entries, a.last_number
    from unnest(recorders, entries, last_numbers) as a (id, entries, last_number)
    on conflict (id) do update set
      logged = r.logged + excluded.logged,
      logged_through = greatest(r.logged_through, excluded.logged_through);
  end if;
end
$$;
--> statement-breakpoint
-- Writes down that somebody read the log, as an entry "audit.read", or that somebody was refused, as
-- "audit.read_denied", in the outbox lane. "user_id" may be any text: one that is no UUID goes to
-- context.invalid. Metadata and context are bounded as those of any entry. It raises where they are
-- too large, so a reader that must be written down is not answered. Returns the entry's id.
CREATE OR REPLACE FUNCTION "audit"."note_read"(
  "denied" boolean, "user_id" text, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given json := json_build_object(
    'action', 'log.read', 'user_id', user_id, 'metadata', metadata, 'context', context);
  seen record;
begin
  if denied is null then
    raise exception 'audit.note_read was not told whether reading was denied'
      using errcode = 'invalid_parameter_value';
  end if;
  seen := audit.examine(given, octet_length(given::text), null, null);
  if seen.refusal is not null then
    raise exception 'audit.note_read refused what was read: %', seen.reason
      using errcode = seen.refusal;
  end if;
  return audit.put_ours(
    case when denied then 'audit.read_denied' else 'audit.read' end,
    (seen.entry).user_id, (seen.entry).metadata, (seen.entry).context
  );
end
$$;
--> statement-breakpoint
-- One dead letter with what it says, as text. No row where there is no such letter.
CREATE OR REPLACE FUNCTION "audit"."open_letter"(
  "letter" bigint, OUT "number" bigint, OUT "died_at" text, OUT "lane" text,
  OUT "sqlstate" text, OUT "reason" text, OUT "id" text, OUT "recorder_id" uuid,
  OUT "recorder_seq" bigint, OUT "entry_bytes" integer, OUT "entry" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    d.number, to_json(d.died_at at time zone 'UTC') #>> '{}' || 'Z', d.lane, d.sqlstate, d.reason, left(d.id, 128), d.recorder_id,
    d.recorder_seq, coalesce(octet_length(d.entry), 0), d.entry
  from audit.audit_dead_letter as d where d.number = letter
$$;
--> statement-breakpoint
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
  if lane is null or lane not in ('staging', 'outbox') then
    raise exception 'audit.park knows the lanes staging and outbox'
      using errcode = 'invalid_parameter_value';
  end if;
  execute format($park$
    with moved as (
      delete from audit.audit_%1$s where ctid = $1 and id = $2
      returning
        id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
        entity_type, request_id, metadata, context, written_by, ours
    ),
    parked as (
      insert into audit.audit_dead_letter (
        lane, origin, written_by, ours, sqlstate, reason, id, recorder_id, recorder_seq, entry
      )
      select
        '%1$s', 'move', m.written_by, m.ours, left($3, 5), 'the database refused to log it',
        m.id::text, m.recorder_id, m.recorder_seq, audit.lane_text(m.id, m.occurred_at, m.user_id,
          m.event_id, m.target_id, m.recorder_id, m.recorder_seq, m.action, m.entity_type,
          m.request_id, m.metadata, m.context)
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
--> statement-breakpoint
-- What a relay asks in each cycle: how many rows each lane holds (at most max_rows of each are
-- counted), where the head of the log stands (null where the log has lost its head), whether a
-- crash emptied the fast lane and no relay has declared it yet, whether nothing can be written, and
-- the version of the schema. It writes nothing and takes no transaction id.
CREATE OR REPLACE FUNCTION "audit"."peek"(
  "max_rows" integer, OUT "staging" integer, OUT "outbox" integer, OUT "head" bigint,
  OUT "was_emptied" boolean, OUT "is_read_only" boolean,
  OUT "version" integer, OUT "min_reader_version" integer
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    (select count(*) from (select from audit.audit_staging limit max_rows) as l)::integer,
    (select count(*) from (select from audit.audit_outbox limit max_rows) as l)::integer,
    (select h.seq from audit.audit_head as h),
    (select s.epoch from audit.audit_sentinel as s) is distinct from
      (select l.epoch from audit.audit_lane as l where l.lane = 'staging'),
    current_setting('transaction_read_only') = 'on',
    v.version::integer,
    v.min_reader_version::integer
  from audit.audit_schema_version as v
$$;
--> statement-breakpoint
-- Puts the entries of a JSON array into a lane one by one, each after a close look, and returns how
-- many it took. An entry that the lane can never take becomes a dead letter, or raises with its
-- SQLSTATE where "raises" is true. Rows of the fast lane are arrays of values in the order of
-- typed_rows(), all others objects.
CREATE OR REPLACE FUNCTION "audit"."place_entries"(
  "target" text, "entries" json, "recorder" uuid, "oldest" uuid, "latest" uuid, "raises" boolean
) RETURNS integer
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  bytes integer;
  seen record;
  taken integer := 0;
begin
  for given in select e from json_array_elements(entries) with ordinality as t (e, n) order by n loop
    bytes := octet_length(given::text);
    if target = 'staging' and json_typeof(given) = 'array' then
      given := json_build_object(
        'id', given -> 0, 'occurred_at', given -> 1, 'recorder_seq', given -> 2,
        'user_id', given -> 3, 'event_id', given -> 4, 'target_id', given -> 5,
        'action', given -> 6, 'entity_type', given -> 7, 'request_id', given -> 8,
        'metadata', given -> 9, 'context', given -> 10
      );
    end if;
    seen := audit.examine(given, bytes, oldest, latest);
    if seen.refusal is not null then
      if raises then
        raise exception 'audit.record_in refused an entry: %', seen.reason
          using errcode = seen.refusal;
      end if;
      perform audit.bury(
        target, case target when 'staging' then 'stage' else 'record' end, seen.refusal, seen.reason,
        seen.given_id, recorder, (seen.entry).recorder_seq, given::text
      );
      continue;
    end if;
    if target = 'staging' then
      seen.entry.recorder_id := recorder;
      insert into audit.audit_staging select (seen.entry).*;
    else
      seen.entry.recorder_seq := null;
      insert into audit.audit_outbox select (seen.entry).*;
    end if;
    taken := taken + 1;
  end loop;
  return taken;
end
$$;
--> statement-breakpoint
-- Entries of an array of objects with the columns' names, in the types of a lane's columns, and
-- whether the lane takes each as it is: one whose ids are not all UUIDs it does not. An entry without
-- an id or a time gets one. One pattern over four ids would cost a tenth of the whole. It raises where a time is none. A statement that calls it holds its text
-- in its own plan; OFFSET 0 has each value read once.
CREATE OR REPLACE FUNCTION "audit"."typed_entries"(
  "entries" jsonb, "is_plain" boolean, "oldest" uuid, "latest" uuid
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz,
  "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb
)
LANGUAGE sql STABLE AS $$
  select
    r.are_uuids
      and audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain),
    r.id, r.occurred_at, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context
  from (
    select
      g.are_uuids,
      case when g.id is null then audit.new_id() when g.are_uuids then g.id::uuid end as id,
      coalesce(g.occurred_at, clock_timestamp()) as occurred_at,
      case when g.are_uuids then g.user_id::uuid end as user_id,
      case when g.are_uuids then g.event_id::uuid end as event_id,
      case when g.are_uuids then g.target_id::uuid end as target_id,
      g.action, g.entity_type, g.request_id,
      coalesce(g.metadata, '{}') as metadata, coalesce(g.context, '{}') as context,
      case when not is_plain and pg_column_size(g.metadata) < 16384 then g.metadata::text
        when g.metadata is null then '{}' end as printed_metadata,
      case when not is_plain and pg_column_size(g.context) < 16384 then g.context::text
        when g.context is null then '{}' end as printed_context
    from (
      select
        e.*,
        (e.id is null or e.id like '________-____-____-____-____________')
          and (e.user_id is null or e.user_id like '________-____-____-____-____________')
          and (e.event_id is null or e.event_id like '________-____-____-____-____________')
          and (e.target_id is null or e.target_id like '________-____-____-____-____________')
          and octet_length(replace(e.ids, '-', ''))
            = 32 * num_nonnulls(e.id, e.user_id, e.event_id, e.target_id)
          and e.ids !~ '[^0-9A-Fa-f-]' collate "C"
          as are_uuids
      from (
        select r.*, concat(r.id, r.user_id, r.event_id, r.target_id) as ids
        from jsonb_to_recordset(entries) as r (
          id text, occurred_at timestamptz, user_id text, event_id text, target_id text,
          action text, entity_type text, request_id text, metadata jsonb, context jsonb
        )
        offset 0
      ) as e
      offset 0
    ) as g
    offset 0
  ) as r
$$;
--> statement-breakpoint
-- Puts an array of entries, or one, into the outbox lane and returns how many it took. It raises
-- where the text is no JSON of entries or a time is none. An entry that the lane can never take
-- becomes a dead letter, or raises where "raises" is true. record() and record_in() share it.
--
-- One statement takes the entries that are fit as they are. Only where it met another one, or the
-- text is longer than one entry may be, examine() looks at each of those.
CREATE OR REPLACE FUNCTION "audit"."put_entries"("entries" text, "raises" boolean) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  given jsonb;
  is_plain boolean;
  others json;
  taken integer := 0;
begin
  select l.oldest_id into oldest from audit.audit_lane as l where l.lane = 'outbox';
  if octet_length(entries) > audit.bound('entry_bytes') then
    return audit.place_entries('outbox', audit.array_of(entries), null, oldest, latest, raises);
  end if;
  given := entries::jsonb;
  if jsonb_typeof(given) = 'object' then
    given := jsonb_build_array(given);
  end if;
  is_plain := audit.is_plain(entries, jsonb_array_length(given));
  insert into audit.audit_outbox (
    written_by, id, occurred_at, user_id, event_id, target_id,
    action, entity_type, request_id, metadata, context
  )
  select
    writer, e.id, e.occurred_at, e.user_id, e.event_id, e.target_id,
    e.action, e.entity_type, e.request_id, e.metadata, e.context
  from audit.typed_entries(given, is_plain, oldest, latest) as e
  where case when e.fits then true else audit.mark_unfit() end;
  get diagnostics taken = row_count;
  if current_setting('audit.unfit', true) = 'yes' then
    perform set_config('audit.unfit', '', true);
    -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
    select json_agg(g order by n) into others
    from json_array_elements(audit.array_of(entries)) with ordinality as t (g, n)
    cross join lateral audit.typed_entries(jsonb_build_array(g::jsonb), is_plain, oldest, latest) as e
    where e.fits is not true;
    taken := taken + audit.place_entries('outbox', others, null, oldest, latest, raises);
  end if;
  return taken;
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
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
SET plan_cache_mode = force_generic_plan AS $$
begin
  begin
    return audit.put_entries(entries, false);
  exception
    when data_exception or integrity_constraint_violation
      or program_limit_exceeded or statement_too_complex
    then
      null; -- Postgres has undone it. Some entry is at fault: each gets a look of its own.
  end;
  begin
    return audit.place_entries(
      'outbox', audit.array_of(entries), null,
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'),
      audit.latest_id(), false
    );
  exception
    when data_exception or integrity_constraint_violation
      or program_limit_exceeded or statement_too_complex
    then
      -- The text is not JSON of entries, so the dead letter keeps the text itself.
      perform audit.bury(
        'outbox', 'record', sqlstate, 'not an entry or an array of entries', null, null, null, entries
      );
      return 0;
  end;
exception when others then
  raise warning 'audit.record could not take the entries (SQLSTATE %)', sqlstate;
  return 0;
end
$$;
--> statement-breakpoint
-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction: all
-- of them, or it raises, and the transaction cannot commit. It takes what record() takes and returns
-- how many entries that were.
CREATE OR REPLACE FUNCTION "audit"."record_in"("entries" text) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  if entries is null then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'null_value_not_allowed';
  end if;
  return audit.put_entries(entries, true);
end
$$;
--> statement-breakpoint
-- The account of each recorder that reported within a day, died, misses entries or has some on their
-- way; the newest first, at most 1,000. The accounts are exact, so the function reads both lanes
-- whole: with an estimate of what waits, a recorder that died would seem to have lost entries that
-- are only on their way.
CREATE OR REPLACE FUNCTION "audit"."recorder_accounts"(
  OUT "id" uuid, OUT "state" text, OUT "reported_at" text, OUT "accepted" bigint,
  OUT "logged" bigint, OUT "in_flight" bigint, OUT "dropped" jsonb, OUT "missing" bigint,
  OUT "declared" bigint
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  with in_lanes as (
    select w.recorder_id, count(*) as entries from (
      select s.recorder_id from audit.audit_staging as s
      union all
      select o.recorder_id from audit.audit_outbox as o
    ) as w
    where w.recorder_id is not null group by w.recorder_id
  ),
  letters as (
    select d.recorder_id, count(*) as entries from audit.audit_dead_letter as d
    where d.recorder_id is not null group by d.recorder_id
  ),
  known as (
    select coalesce(p.id, a.id) as id, p.started_at, p.seen_at, p.closed_at,
      coalesce(p.accepted, 0) as accepted, coalesce(p.staged, 0) as staged,
      coalesce(p.dropped, '{}') as dropped, coalesce(a.logged, 0) as logged,
      coalesce(a.gaps, 0) as gaps
    from audit.audit_report as p full join audit.audit_recorder as a on a.id = p.id
  ),
  owing as (
    select r.*,
      coalesce(w.entries, 0) as waiting,
      -- Of the reasons for a drop, these take an entry that had been accepted.
      r.accepted - r.logged - coalesce(d.entries, 0)
        - coalesce((r.dropped ->> 'timeout')::bigint, 0)
        - coalesce((r.dropped ->> 'refused')::bigint, 0)
        - coalesce((r.dropped ->> 'dead_letter')::bigint, 0) as owed,
      coalesce(r.seen_at, '-infinity') < clock_timestamp() - interval '30 seconds' as is_silent
    from known as r
    left join in_lanes as w on w.recorder_id = r.id
    left join letters as d on d.recorder_id = r.id
  ),
  judged as (
    select *,
      case
        when closed_at is not null then 'closed'
        when is_silent and (owed > waiting or logged > staged) then 'died'
        else 'live'
      end as state,
      greatest(0, owed - waiting) as unaccounted
    from owing
  )
  select
    j.id, j.state, to_char(j.seen_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), j.accepted, j.logged,
    case j.state
      when 'live' then greatest(j.owed, j.waiting)
      -- Not more than it owes: a row that was staged twice may wait although it is logged.
      when 'closed' then least(greatest(0, j.owed), j.waiting)
      else j.waiting
    end,
    j.dropped,
    case when j.state = 'live' then 0 else j.unaccounted end,
    case when j.state = 'live' or j.gaps = 0 then 0 else j.unaccounted end
  from judged as j
  where j.seen_at > clock_timestamp() - interval '1 day' or j.state = 'died' or j.waiting > 0
    or (j.state = 'closed' and j.unaccounted > 0)
  order by j.started_at desc nulls last
  limit 1000
$$;
--> statement-breakpoint
-- Stores a recorder's own counts. A recorder calls it about every ten seconds and when it closes,
-- with the key that only it knows. Counts only grow, so a report that arrives late changes nothing.
-- It raises for anything that is no report: an unknown reason, or a count that is no whole number
-- from 0 to audit.bound('count'). What was dropped since the last report is an entry "audit.drop" in
-- the log, in the same transaction.
CREATE OR REPLACE FUNCTION "audit"."report"(
  "recorder" uuid, "key" text, "started_at" timestamptz, "accepted" bigint, "staged" bigint,
  "dropped" jsonb, "closed" boolean
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  reasons constant text[] := array[
    'full', 'unshapable', 'reserved', 'closed', 'reentrant', 'disabled', 'timeout', 'refused'
  ];
  before jsonb;
  more jsonb;
begin
  if accepted is null or accepted not between 0 and audit.bound('count')
    or staged is null or staged not between 0 and audit.bound('count')
    or closed is null
    or started_at is null or started_at < '0001-01-01 00:00:00+00'
    or started_at >= '10000-01-01 00:00:00+00'
    or jsonb_typeof(dropped) is distinct from 'object'
    or pg_column_size(dropped) > 1024
  then
    raise exception 'audit.report was given something that is no report'
      using errcode = 'invalid_parameter_value';
  end if;
  if exists (
    select from jsonb_each(dropped) as d
    where not d.key = any (reasons) or case
      when jsonb_typeof(d.value) <> 'number' then true
      else d.value::numeric not between 0 and audit.bound('count')
        or d.value::numeric <> trunc(d.value::numeric)
    end
  ) then
    raise exception 'audit.report was given an unknown reason, or a count that is no count'
      using errcode = 'invalid_parameter_value';
  end if;
  perform audit.claim_recorder(recorder, key);
  select r.dropped into before from audit.audit_report as r where r.id = recorder for update;
  select coalesce(jsonb_object_agg(d.key, d.value::bigint - coalesce((before ->> d.key)::bigint, 0)), '{}')
  into more
  from jsonb_each(dropped) as d
  where d.value::bigint > coalesce((before ->> d.key)::bigint, 0);
  update audit.audit_report as r set
    started_at = report.started_at,
    seen_at = clock_timestamp(),
    closed_at = coalesce(r.closed_at, case when closed then clock_timestamp() end),
    accepted = greatest(r.accepted, report.accepted),
    staged = greatest(r.staged, report.staged),
    dropped = r.dropped || (
      select coalesce(jsonb_object_agg(d.key, d.value), '{}')
      from jsonb_each(report.dropped) as d where more ? d.key
    )
  where r.id = recorder;
  if more <> '{}' then
    perform audit.put_ours('audit.drop', null, jsonb_build_object('recorderId', recorder, 'dropped', more), '{}');
  end if;
end
$$;
--> statement-breakpoint
-- Puts a dead letter's entry back into a lane. Returns 'retried', or 'missing' where there is no
-- such letter. Where the lane refuses the entry again it returns the SQLSTATE, and the letter stays.
-- An entry that the log refuses again becomes a new letter.
--
-- Who wrote the entry, whether it is ours and which recorder it came from stand in the letter's own
-- columns. Its text could say anything.
--
-- It always uses the outbox lane. That lane is LOGGED, as the letter was, so a crash cannot take an
-- entry that it could not take before.
CREATE OR REPLACE FUNCTION "audit"."retry_dead_letter"("letter" bigint) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  given json;
  seen record;
  entry audit.audit_outbox;
begin
  delete from audit.audit_dead_letter where number = letter returning * into dead;
  if not found then
    return 'missing';
  end if;
  if dead.origin = 'move' then
    -- A row that stood in a lane, and so was bounded there. It goes back as it was.
    entry := json_populate_record(null::audit.audit_outbox, dead.entry::json);
    if audit.is_reserved(entry.action) and not dead.ours then
      raise exception using errcode = 'insufficient_privilege';
    end if;
    entry.recorder_id := dead.recorder_id;
    entry.recorder_seq := dead.recorder_seq;
    entry.written_by := coalesce(dead.written_by, session_user);
    entry.ours := dead.ours;
    insert into audit.audit_outbox select entry.*;
    return 'retried';
  end if;
  given := dead.entry::json;
  if json_typeof(given) <> 'array' then
    given := json_build_array(given);
  end if;
  for given in select e from json_array_elements(given) as e loop
    seen := audit.examine(
      given, octet_length(given::text),
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'), audit.latest_id()
    );
    if seen.refusal is not null then
      raise exception using errcode = seen.refusal;
    end if;
    entry := seen.entry;
    entry.recorder_id := dead.recorder_id;
    entry.recorder_seq := dead.recorder_seq;
    entry.written_by := coalesce(dead.written_by, session_user);
    insert into audit.audit_outbox select entry.*;
  end loop;
  return 'retried';
exception
  when data_exception or integrity_constraint_violation or program_limit_exceeded
    or statement_too_complex or insufficient_privilege
  then
    return sqlstate; -- Postgres has undone all of the above
end
$$;
--> statement-breakpoint
-- The rows of a slice as a recorder sends it, an array of arrays, in the types of a lane's columns,
-- and whether the lane takes each as it is. "is_plain" is what audit.is_plain() says of its text. It raises where a value is not of its column's type. A
-- statement that calls it holds its text in its own plan; OFFSET 0 has each value read once.
CREATE OR REPLACE FUNCTION "audit"."typed_rows"(
  "slice" jsonb, "is_plain" boolean, "oldest" uuid, "latest" uuid
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz, "recorder_seq" bigint,
  "user_id" uuid, "event_id" uuid, "target_id" uuid,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb
)
LANGUAGE sql STABLE AS $$
  select
    audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain),
    r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context
  from (
    select
      (e ->> 0)::uuid as id, (e ->> 1)::timestamptz as occurred_at, (e ->> 2)::bigint as recorder_seq,
      (e ->> 3)::uuid as user_id, (e ->> 4)::uuid as event_id, (e ->> 5)::uuid as target_id,
      e ->> 6 as action, e ->> 7 as entity_type, e ->> 8 as request_id,
      e -> 9 as metadata, e -> 10 as context,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 9 end as printed_metadata,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 10 end as printed_context
    from jsonb_array_elements(slice) as e
    offset 0
  ) as r
$$;
--> statement-breakpoint
-- Puts a recorder's rows into the fast lane, and returns the lane's epoch. Each slice is a JSON array
-- of rows, a row an array of values in the order of typed_rows(). Only the holder of the recorder's
-- key may write in its name. A row that the lane can never take becomes a dead letter. The function
-- raises, and takes nothing, where a slice is no JSON array.
--
-- One statement takes the rows that are fit as they are. Only where it met another one, or a value
-- that the database cannot hold, examine() looks at each of those. Plans are kept, and do not depend
-- on the parameters: to plan the statement costs as much as to stage some forty rows.
CREATE OR REPLACE FUNCTION "audit"."stage"("recorder" uuid, "key" text, "slices" text[])
RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  others json;
begin
  perform audit.claim_recorder(recorder, key);
  select l.oldest_id into oldest from audit.audit_lane as l where l.lane = 'staging';
  begin
    insert into audit.audit_staging (
      recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context
    )
    select
      recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
      r.action, r.entity_type, r.request_id, r.metadata, r.context
    from (
      select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
      from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
      offset 0
    ) as s
    cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest) as r
    where case when r.fits then true else audit.mark_unfit() end;
    if current_setting('audit.unfit', true) = 'yes' then
      perform set_config('audit.unfit', '', true);
      -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
      select json_agg(e) into others
      from (
        select given, audit.is_plain(given, jsonb_array_length(given::jsonb)) as is_plain
        from unnest(slices) as given
        offset 0
      ) as s
      cross join lateral json_array_elements(s.given::json) as e
      cross join lateral audit.typed_rows(
        jsonb_build_array(e::jsonb), s.is_plain, oldest, latest
      ) as r
      where r.fits is not true;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- Postgres has undone the insert.
    select json_agg(e) into others
    from unnest(slices) as slice cross join lateral json_array_elements(slice::json) as e;
  end;
  if others is not null then
    perform audit.place_entries('staging', others, recorder, oldest, latest, false);
  end if;
  return (select s.epoch from audit.audit_sentinel as s);
end
$$;
--> statement-breakpoint
-- The figures of "audit-relay status": what waits in the lanes, the last seq, and how many dead
-- letters and declared gaps there are. These are counted exactly.
CREATE OR REPLACE FUNCTION "audit"."status"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "last_seq" bigint, OUT "dead_letters" bigint, OUT "gaps" bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    (select h.seq from audit.audit_head as h),
    (select count(*) from audit.audit_dead_letter),
    (
      select count(*) from audit.audit_log as l
      where split_part(l.action, '.', 1) = 'audit' and l.action = 'audit.gap'
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox
$$;
--> statement-breakpoint
-- Which of the small, busy tables are heavier than they should be, as audit.compact names them. Up to
-- such a size a table is left alone. It holds few live rows, so above that size it is mostly dead
-- rows, which every batch has to step over.
CREATE OR REPLACE FUNCTION "audit"."weigh"() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.target
  from (
    values ('staging', 4096), ('outbox', 4096), ('head', 128), ('recorder', 1024)
  ) as l (target, kilobytes)
  where pg_relation_size(('audit.audit_' || l.target)::regclass) > l.kilobytes * 1024
$$;
--> statement-breakpoint
-- The sessions behind which a relay stands back: those of this database that hold the head of the log
-- or a row of audit_turn. is_relay says whether a session's login is a member of audit_relay or
-- audit_owner, or is the caller. A session that is no relay stops the moves. transaction names the
-- session's transaction: a relay's transaction ends with its batch.
CREATE OR REPLACE FUNCTION "audit"."who_moves"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "transaction" text,
  OUT "is_relay" boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  with recursive held as (
    select h.xmax as xid from audit.audit_head as h
    union
    select t.xmax from audit.audit_turn as t where t.xmax <> '0'
  ),
  relay as (
    select r.oid from pg_roles as r
    where r.rolname in ('audit_relay', 'audit_owner') or r.rolname = session_user
    union
    select m.member from pg_auth_members as m join relay on m.roleid = relay.oid
  )
  select
    l.pid, a.usename::text, a.application_name, l.transactionid::text,
    coalesce(a.usesysid in (select oid from relay), false)
  from held
  join pg_locks as l on l.locktype = 'transactionid' and l.transactionid = held.xid
  left join pg_stat_activity as a on a.pid = l.pid
  where l.granted and l.mode = 'ExclusiveLock' and l.pid is distinct from pg_backend_pid()
  order by 5, 1
$$;
