-- Made from src/schema/functions by "npm run schema:make".
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
        from audit.audit_recorder as r
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
-- The head's lock comes first. While a relay moves, the function gives up there. If it held the
-- table's lock before it found that out, whoever stages would have to wait for nothing.
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
-- Copies rows of DEFAULT to the tables beside the log that take their places: rows of the ranges of
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
        '^FOR VALUES FROM \(''([0-9a-f-]{36})''\) TO \(''([0-9a-f-]{36})''\)$') as bounds
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
-- first. While one of them does, no partition can be made.
CREATE OR REPLACE FUNCTION "audit"."who_holds_log"(
  OUT "pid" integer, OUT "login" text, OUT "application" text
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.pid, a.usename::text, a.application_name
  from (
    select distinct k.pid from pg_locks as k
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
-- The function holds the log's lock for some milliseconds, whatever lies in DEFAULT:
-- - It makes the tables beside the log. A CHECK on each says that it holds nothing else than its
--   month, so that Postgres need not read it when it is attached.
-- - Postgres attaches no month while DEFAULT holds rows of it, and the append-only trigger forbids
--   moving them. Then the function copies all rows of DEFAULT to where they belong, the others to a
--   new DEFAULT, while the log is written and read. It does so as well where DEFAULT is so long that
--   Postgres would read it for too long.
-- - What was logged meanwhile has a greater seq than the head had at the copy. That little is copied
--   under the lock. Where DEFAULT holds a greater seq than the head, somebody else than the relay
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
    -- One relay writes it down. Where another session holds the head, the next call looks again.
    select * into head from audit.audit_head for update skip locked;
    if not found then
      select * into head from audit.audit_head;
    elsif head.system_identifier is null then
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
      entity_type, request_id, metadata, context
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
      entity_type, request_id, metadata, context, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  parked as (
    insert into audit.audit_dead_letter (
      lane, sqlstate, reason, id, recorder_id, recorder_seq, entry
    )
    select
      'outbox', case when c.fits_the_log then '23505' else '23514' end,
      case when c.fits_the_log
        then 'the id is in the log with another content'
        else 'a column breaks a check of the log'
      end,
      m.id::text, m.recorder_id, m.recorder_seq, row_to_json(m)::text
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
    left join fresh as f on f.id = m.id
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
      entity_type, request_id, metadata, context
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
      entity_type, request_id, metadata, context, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  parked as (
    insert into audit.audit_dead_letter (
      lane, sqlstate, reason, id, recorder_id, recorder_seq, entry
    )
    select
      'staging', case when c.fits_the_log then '23505' else '23514' end,
      case when c.fits_the_log
        then 'the id is in the log with another content'
        else 'a column breaks a check of the log'
      end,
      m.id::text, m.recorder_id, m.recorder_seq, row_to_json(m)::text
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
    left join fresh as f on f.id = m.id
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
-- so no entry is ever in both or in neither, whatever process dies at whatever moment.
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
-- - One relay moves at a time, because two that meet at the head would only hold each other up. The
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
        entity_type, request_id, metadata, context
    ),
    parked as (
      insert into audit.audit_dead_letter (
        lane, sqlstate, reason, id, recorder_id, recorder_seq, entry
      )
      select
        '%1$s', left($3, 5), 'the database refused to log it',
        m.id::text, m.recorder_id, m.recorder_seq, row_to_json(m)::text
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
    select r.*,
      coalesce(w.entries, 0) as waiting,
      -- Of the reasons for a drop, these take an entry that had been accepted.
      r.accepted - r.logged - coalesce(d.entries, 0)
        - coalesce((r.dropped ->> 'timeout')::bigint, 0)
        - coalesce((r.dropped ->> 'refused')::bigint, 0)
        - coalesce((r.dropped ->> 'dead_letter')::bigint, 0) as owed,
      coalesce(r.seen_at, '-infinity') < clock_timestamp() - interval '30 seconds' as is_silent
    from audit.audit_recorder as r
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
    from known
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
-- Behind whom a relay stands back: the sessions of this database that hold the head of the log or a
-- row of audit_turn. is_relay says whether a session's login is a member of audit_relay or
-- audit_owner, or the one that asks. Whoever else holds them stops the moves. transaction names
-- the session's transaction: a relay's transaction ends with its batch.
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
