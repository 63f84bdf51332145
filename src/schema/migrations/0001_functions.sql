-- Made from src/schema/functions by "npm run schema:make".
-- The quoted name of a table that archives are made of: a partition of the log, a table that is to
-- take its place, or one that a restore has made. Raises for every other name, so that nobody reads
-- another table by the functions of the archive.
CREATE OR REPLACE FUNCTION "audit"."archive_table"("log_table" text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  found_name text;
begin
  select format('audit.%I', c.relname) into found_name
  from pg_class as c
  where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and c.relname = log_table
    and (
      c.relname ~ '^(audit_log|restored)_' or exists (
        select from pg_inherits as i
        where i.inhrelid = c.oid and i.inhparent = 'audit.audit_log'::regclass
      )
    );
  if found_name is null then
    raise exception 'the log has no partition "%"', log_table
      using errcode = 'undefined_table',
        hint = 'The names are in audit.audit_partition.';
  end if;
  return found_name;
end
$$;
--> statement-breakpoint
-- SQL for the entries of a partition that an archive takes, as the row "p": all of them, or without
-- those that stand in the table "kept", which is to take the partition's place.
CREATE OR REPLACE FUNCTION "audit"."archive_source"("log_table" text, "kept" text) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select format('%s as p where ', audit.archive_table(log_table)) || case
    when kept is null then 'true'
    else format('not exists (select from %s as k where k.id = p.id)', audit.archive_table(kept))
  end
$$;
--> statement-breakpoint
-- SQL that writes a column of type timestamptz as an export does: ISO 8601 in UTC with six digits,
-- " BC" behind a time before our era, and the word where it is infinite.
CREATE OR REPLACE FUNCTION "audit"."archive_time"("column" text) RETURNS text
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  select format($sql$case
    when not isfinite(%1$s) then %1$s::text
    when %1$s at time zone 'UTC' < timestamp '0001-01-01'
      then to_char(%1$s at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z BC"')
    else to_char(%1$s at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
  end$sql$, "column")
$$;
--> statement-breakpoint
-- How many entries an archive takes from a partition between two numbers, and their content digest:
-- a chain of SHA-256 over the entries in the order of (seq, id). Each link is the hash of the link
-- before it and of the entry's line of NDJSON, byte by byte as "audit-relay export" writes it.
--
-- Two digests are equal only where the same entries stand in the same order and every column is the
-- same. A sum of hashes takes half the time, but it does not see the order, and anyone who can choose
-- two entries can make two others with the same sum of 48 bits each. The function needs the memory
-- of one entry: the chain goes from row to row, and the index on seq brings them in order.
CREATE OR REPLACE FUNCTION "audit"."archive_digest"(
  "log_table" text, "kept" text, "from_seq" bigint, "to_seq" bigint,
  OUT "rows" bigint, OUT "first_seq" bigint, OUT "last_seq" bigint, OUT "digest" text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_sort = off SET enable_bitmapscan = off AS $$
declare
  chain bytea := '';
  entry record;
begin
  rows := 0;
  for entry in execute format($query$
    select p.seq, concat(
      '{"seq":', p.seq, ',"id":"', p.id, '","occurred_at":"', %2$s, '","logged_at":"', %3$s,
      '","written_by":', to_json(p.written_by),
      ',"event_id":', coalesce(to_json(p.event_id)::text, 'null'),
      ',"action":', to_json(p.action),
      ',"entity_type":', coalesce(to_json(p.entity_type)::text, 'null'),
      ',"outcome":', coalesce(to_json(p.outcome)::text, 'null'),
      ',"actor_kind":', coalesce(to_json(p.actor_kind)::text, 'null'),
      ',"user_id":', coalesce(to_json(p.user_id)::text, 'null'),
      ',"actor_id":', coalesce(to_json(p.actor_id)::text, 'null'),
      ',"target_id":', coalesce(to_json(p.target_id)::text, 'null'),
      ',"more_targets":', coalesce(array_to_json(p.more_targets)::text, 'null'),
      ',"request_id":', coalesce(to_json(p.request_id)::text, 'null'),
      ',"metadata":', p.metadata, ',"context":', p.context,
      ',"recorder_id":', coalesce(to_json(p.recorder_id)::text, 'null'),
      ',"recorder_seq":', coalesce(p.recorder_seq::text, 'null'), '}', chr(10)
    ) as line
    from %1$s and p.seq between $1 and $2 order by p.seq, p.id
    $query$,
    audit.archive_source(log_table, kept),
    audit.archive_time('p.occurred_at'), audit.archive_time('p.logged_at')
  ) using from_seq, to_seq loop
    chain := sha256(chain || convert_to(entry.line, 'UTF8'));
    rows := rows + 1;
    first_seq := coalesce(first_seq, entry.seq);
    last_seq := entry.seq;
  end loop;
  digest := encode(chain, 'hex');
end
$$;
--> statement-breakpoint
-- The closed partitions that hold entries behind the last archived one, oldest first, and when each
-- one ended. It asks the catalogue alone, so that it locks no partition, however many there are.
CREATE OR REPLACE FUNCTION "audit"."archive_due"()
RETURNS TABLE ("partition" text, "ended_at" timestamptz, "rows" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select p.name, to_timestamp(('x' || left(replace(p.to_id::text, '-', ''), 12))::bit(48)::bigint / 1000.0), p.rows
  from audit.audit_partition as p
  where p.closed_at is not null and p.max_seq is not null and p.max_seq > 0
    and p.max_seq > coalesce(p.archived_seq, 0)
    and not exists (
      select from audit.audit_archive as a
      where a.partition = p.name and a.stored_at is not null and a.last_seq >= p.max_seq
    )
  order by p.from_id
$$;
--> statement-breakpoint
-- The entries that an archive takes from a partition, in the order of (seq, id): at most so many
-- behind the given one. They are read by the keeper's login, which has no SELECT on the log.
CREATE OR REPLACE FUNCTION "audit"."archive_rows"(
  "log_table" text, "kept" text, "after_seq" bigint, "after_id" uuid, "max_rows" integer
) RETURNS SETOF "audit"."audit_log"
LANGUAGE plpgsql STABLE SECURITY DEFINER
-- By the index on seq. A sort of a whole partition is never cheaper, whatever its statistics say.
SET search_path = pg_catalog, pg_temp SET enable_sort = off SET enable_bitmapscan = off AS $$
declare
  columns text;
begin
  -- By name: a partition that was attached by hand may have another order.
  select string_agg(format('p.%I', a.attname), ', ' order by a.attnum) into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  return query execute format(
    'select %s from %s and p.seq >= $1 and (p.seq > $1 or p.id > $2) order by p.seq, p.id limit $3',
    columns, audit.archive_source(log_table, kept)
  ) using after_seq, after_id, max_rows;
end
$$;
--> statement-breakpoint
-- What opens the leaves of the entries that an archive takes from a partition: of each its salt, or its
-- opening where something of it was erased, as a line of JSON. In the order of the numbers, at most so
-- many behind the given one. Nothing where the log has no seal. A restore puts them back, because they go
-- with the drop of what a policy removes.
CREATE OR REPLACE FUNCTION "audit"."archive_salts"(
  "log_table" text, "kept" text, "from_seq" bigint, "to_seq" bigint, "after" bigint,
  "max_rows" integer, OUT "seq" bigint, OUT "line" text
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_sort = off SET enable_bitmapscan = off AS $$
begin
  if not exists (select from audit.audit_origin) then
    return;
  end if;
  return query execute format($query$
    select q.seq, case
      when q.salt <> decode(repeat('00', 16), 'hex')
        then json_build_object('seq', q.seq, 'salt', encode(q.salt, 'hex'))::text
      when q.opening is not null
        then json_build_object('seq', q.seq, 'opening', q.opening)::text
      end
    from (
      select p.seq,
        (select substr(s.salts, (p.seq %% 256)::integer * 16 + 1, 16)
          from audit.audit_salt as s where s.n = p.seq / 256) as salt,
        (select e.opening from audit.audit_erasure as e where e.seq = p.seq) as opening
      from %s and p.seq between $1 and $2 and p.seq > $3 order by p.seq, p.id limit $4
    ) as q
    $query$, audit.archive_source(log_table, kept))
  using from_seq, to_seq, after, max_rows;
end
$$;
--> statement-breakpoint
-- What the archive of a partition says of it: its bounds, the log's history, the schema's version and
-- the type of users', events' and targets' ids.
-- A table that is attached nowhere and stands in no catalogue has no bounds: they are null.
CREATE OR REPLACE FUNCTION "audit"."archive_scope"(
  "log_table" text, OUT "from_id" uuid, OUT "to_id" uuid, OUT "history" uuid,
  OUT "schema_version" integer, OUT "ids" text
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  bounds text[];
begin
  select regexp_match(pg_get_expr(c.relpartbound, c.oid), $re$FROM \('(.{36})'\) TO \('(.{36})'\)$re$)
  into bounds from pg_class as c where c.oid = audit.archive_table(log_table)::regclass;
  from_id := bounds[1];
  to_id := bounds[2];
  if from_id is null then
    select p.from_id, p.to_id into from_id, to_id
    from audit.audit_partition as p where p.name = log_table;
  end if;
  select h.history into history from audit.audit_head as h;
  select v.version into schema_version from audit.audit_schema_version as v;
  select format_type(a.atttypid, null) into ids
  from pg_attribute as a where a.attrelid = 'audit.audit_log'::regclass and a.attname = 'user_id';
end
$$;
--> statement-breakpoint
-- Lets readers of the log read a restored table, or no longer, where it becomes a partition.
CREATE OR REPLACE FUNCTION "audit"."grant_restored"("restored" text, "is_granted" boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  settings record;
begin
  select v.roles, v.role_prefix into settings from audit.audit_schema_version as v;
  if settings.roles = 'on' then
    execute format(
      case when is_granted then 'grant select on audit.%I to %I' else 'revoke select on audit.%I from %I' end,
      restored, settings.role_prefix || 'audit_reader');
  end if;
end
$$;
--> statement-breakpoint
-- How many entries of a partition are removed now, the log having none of them: 0 where it was never
-- taken out, and where it is back.
CREATE OR REPLACE FUNCTION "audit"."removed_entries"("log_table" text) RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(sum(s.removed), 0)::bigint from audit.audit_swap as s
  where s.partition = log_table and s.state in ('swapped', 'dropped')
$$;
--> statement-breakpoint
-- Takes the words of these entries out of the search, with all of their runs, which are made again: nothing
-- in the log's tables tells then that an entry held a word. Where the entries came back, also when the
-- entries of these blocks were recorded is forgotten, so that each of them is looked at until then.
CREATE OR REPLACE FUNCTION "audit"."forget_words"("seqs" int8multirange, "came_back" boolean) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  touched bigint[];
begin
  select array_agg(r.first_block) into touched from audit.audit_search_run as r
  where seqs && int8range(r.first_block * 4096 + 1, (r.first_block + r.blocks) * 4096 + 1);
  delete from audit.audit_search_slice as s where s.first_block = any(touched);
  update audit.audit_search_run as r set log2 = null,
    min_ms = case when came_back then 0 else r.min_ms end,
    max_ms = case when came_back then 281474976710655 else r.max_ms end
  where r.first_block = any(touched);
  if came_back then
    delete from audit.audit_search_block as b
    where seqs && int8range(b.block * 4096 + 1, (b.block + 1) * 4096 + 1);
  end if;
end
$$;
--> statement-breakpoint
-- Says to what follows the log that these entries were emptied or removed, or with "back_to" that they came
-- back, all of them with smaller ids: nothing that was read of them before is written any more, and what was
-- made of them is forgotten.
CREATE OR REPLACE FUNCTION "audit"."changed_behind"(
  "seqs" int8multirange, "back_to" uuid DEFAULT NULL
) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
begin
  if isempty(seqs) then
    return;
  end if;
  -- First, because it waits for those who write what they made, and who wait for it then see it.
  update audit.audit_follow as f set changes = f.changes + 1,
    before_id = case when back_to is not null and lower(seqs) < f.since_seq
        and back_to > coalesce(f.before_id, '00000000-0000-0000-0000-000000000000')
      then back_to else f.before_id end;
  if found then
    perform audit.forget_words(seqs, back_to is not null);
  end if;
end
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
-- else may call it. A user's id is given as text and takes the type of the lane's column.
CREATE OR REPLACE FUNCTION "audit"."put_ours"(
  "action" text, "user_id" text, "metadata" jsonb, "context" jsonb
) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  entry audit.audit_outbox;
begin
  entry.id := audit.new_id();
  entry.occurred_at := clock_timestamp();
  select put_ours.user_id into entry.user_id; -- as in examine()
  entry.action := put_ours.action;
  entry.entity_type := 'audit';
  entry.metadata := put_ours.metadata;
  entry.context := put_ours.context;
  entry.written_by := session_user;
  entry.ours := true;
  insert into audit.audit_outbox select entry.*;
  return entry.id;
end
$$;
--> statement-breakpoint
-- Refuses a transaction whose statements do not see what others have committed meanwhile: what it
-- compares under a lock could be out of date.
CREATE OR REPLACE FUNCTION "audit"."require_new_snapshots"() RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
begin
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    raise exception 'this cannot be done at the isolation level %',
      current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state',
        hint = 'Set default_transaction_isolation to read committed for this login.';
  end if;
end
$$;
--> statement-breakpoint
-- What each step of retention begins with. One session at a time may take such a step; another one gets
-- 55P03 at once and tries again. A step compares what it sees now with what it saw before, so it cannot
-- run in a transaction that sees the past.
CREATE OR REPLACE FUNCTION "audit"."begin_retention"() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  perform audit.require_new_snapshots();
  begin
    perform 1 from audit.audit_retention for update nowait;
  exception when lock_not_available then
    raise exception 'another session runs retention' using errcode = 'lock_not_available';
  end;
end
$$;
--> statement-breakpoint
-- The columns of the log, in its order, for a statement that copies its rows. A partition that somebody
-- made by hand may have them in another order.
CREATE OR REPLACE FUNCTION "audit"."log_columns"() RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select string_agg(quote_ident(a.attname), ', ' order by a.attnum)
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped
$$;
--> statement-breakpoint
-- Makes a table ready to come back into the log: it gets the CHECK by which Postgres knows its bounds, and
-- the entries of the partitions that it takes the place of, where it has not got them. The caller keeps
-- others from writing to these partitions. Returns how many entries it got.
CREATE OR REPLACE FUNCTION "audit"."join_into"(
  "restored" text, "from_id" uuid, "to_id" uuid, "joined" text[]
) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  other text;
  copied bigint;
  copied_in_all bigint := 0;
begin
  -- The table is nobody's yet, so this waits for nobody and the log is read meanwhile.
  execute format('alter table audit.%I drop constraint if exists audit_log_bounds', restored);
  execute format(
    'alter table audit.%I add constraint audit_log_bounds check (id >= %L and id < %L)',
    restored, from_id, to_id);
  foreach other in array joined loop
    execute format(
      'insert into audit.%1$I (%3$s) select %3$s from audit.%2$I as c '
      'where not exists (select from audit.%1$I as d where d.id = c.id) order by c.id',
      restored, other, audit.log_columns());
    get diagnostics copied = row_count;
    copied_in_all := copied_in_all + copied;
  end loop;
  return copied_in_all;
end
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
-- As join_into(), for a table that comes back as DEFAULT. Entries of it whose time has got a partition
-- since go there: DEFAULT may not hold them.
CREATE OR REPLACE FUNCTION "audit"."join_into_default"("restored" text) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  outside constant text := audit.outside_of_partitions('{}', '{}');
  copied bigint;
begin
  execute format('alter table audit.%I drop constraint if exists audit_log_bounds', restored);
  execute format($sql$
    insert into audit.audit_log (%2$s)
    select %2$s from audit.%1$I as c
    where not (%3$s) and not exists (select from audit.audit_log as l where l.id = c.id) order by c.id
    $sql$, restored, audit.log_columns(), outside);
  execute format($sql$
    update audit.audit_partition as p
    set min_seq = least(p.min_seq, c.min_seq), max_seq = greatest(p.max_seq, c.max_seq)
    from (
      select q.name, min(r.seq) as min_seq, max(r.seq) as max_seq
      from audit.%1$I as r join audit.audit_partition as q on r.id >= q.from_id and r.id < q.to_id
      group by q.name
    ) as c
    where p.name = c.name and p.closed_at is not null
    $sql$, restored);
  -- It was in the log, and has the log's guards still. It gets them again when it is attached.
  execute format('alter table audit.%I disable trigger user', restored);
  execute format('delete from audit.%I where not (%s)', restored, outside);
  execute format('alter table audit.%I add constraint audit_log_bounds check (%s)', restored, outside);
  lock table audit.audit_log_default in share mode;
  execute format(
    'insert into audit.%1$I (%2$s) select %2$s from audit.audit_log_default as c '
    'where not exists (select from audit.%1$I as d where d.id = c.id) order by c.id',
    restored, audit.log_columns());
  get diagnostics copied = row_count;
  return copied;
end
$$;
--> statement-breakpoint
-- Sets the retention line, and with it the smallest id that the lanes take, to what the swaps say: the
-- line is the end of the newest partition of which a policy has removed something. The move refuses
-- what waits in a lane below it.
CREATE OR REPLACE FUNCTION "audit"."set_retention_line"() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  line uuid;
  oldest uuid;
begin
  select s.to_id into line from audit.audit_swap as s
  where s.state in ('swapped', 'dropped') order by s.to_id desc limit 1;
  select s.oldest_before into oldest from audit.audit_swap as s
  where s.oldest_before is not null order by s.oldest_before limit 1;
  update audit.audit_retention as r set line_id = line;
  update audit.audit_lane as l
  set oldest_id = case when line > oldest then line else oldest end
  where l.lane in ('staging', 'outbox');
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
-- Empties the erased fields of these entries in one place of the log. Which fields that are stands in
-- audit.audit_erasure. Returns how many rows it changed.
--
-- The log's triggers let through what this function does and nothing else: a setting of the transaction says that
-- it runs, and each row is compared with what is on record. A table that was taken out of the log has
-- lost its row trigger and gets it back first, so that nothing else passes there.
CREATE OR REPLACE FUNCTION "audit"."blank_entries"("place" regclass, "ids" uuid[]) RETURNS bigint
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  changed bigint;
begin
  if exists (
    select from pg_trigger as g where g.tgrelid = place and g.tgname = 'audit_log_append_only'
  ) and not exists (
    select from pg_trigger as g where g.tgrelid = place and g.tgname = 'audit_log_row_append_only'
  ) then
    execute format(
      'create trigger audit_log_row_append_only before update or delete on %s '
      'for each row execute function audit.refuse_change()', place);
    execute format('alter table %s enable always trigger audit_log_row_append_only', place);
  end if;
  perform set_config('audit.erasing', 'yes', true);
  execute format($query$
    update %s as r set
      user_id = case when 'user_id' = any(e.fields) then null else r.user_id end,
      actor_id = case when 'actor_id' = any(e.fields) then null else r.actor_id end,
      target_id = case when 'target_id' = any(e.fields) then null else r.target_id end,
      more_targets = case when 'more_targets' = any(e.fields) then null else r.more_targets end,
      request_id = case when 'request_id' = any(e.fields) then null else r.request_id end,
      metadata = case when 'metadata' = any(e.fields) then '{}' else r.metadata end,
      context = case when 'context' = any(e.fields) then '{}' else r.context end
    from audit.audit_erasure as e
    where r.id = any($1) and e.seq = r.seq and e.id = r.id
    $query$, place)
  using ids;
  get diagnostics changed = row_count;
  perform set_config('audit.erasing', '', true);
  return changed;
end
$$;
--> statement-breakpoint
-- Refuses UPDATE, DELETE and TRUNCATE on the log for every role, even one that was granted them. The
-- triggers that call it are ENABLE ALWAYS, so they also fire under session_replication_role =
-- replica.
--
-- It lets an erasure through, and nothing else: an UPDATE by the owner of the table while
-- audit.blank_entries() says that it runs, of a row of which audit.audit_erasure says that fields are
-- erased, and only where each column that changes is one of these fields and becomes empty. All other
-- columns must be the same to the byte. The owner alone can say that it runs, but without such a row
-- nothing passes, and a row for an erasure that the log does not know is found by audit-relay verify.
CREATE OR REPLACE FUNCTION "audit"."refuse_change"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  fields text[];
  rest record;
begin
  if tg_op = 'UPDATE' and current_setting('audit.erasing', true) = 'yes'
    and current_user = (select pg_get_userbyid(c.relowner) from pg_class as c where c.oid = tg_relid)
  then
    if tg_level = 'STATEMENT' then
      -- Where the row trigger is missing, nobody would look at the rows.
      if exists (
        select from pg_trigger as g
        where g.tgrelid = tg_relid and g.tgname = 'audit_log_row_append_only' and g.tgenabled = 'A'
      ) then
        return null;
      end if;
    else
      select e.fields into fields
      from audit.audit_erasure as e where e.seq = old.seq and e.id = old.id;
      rest := new;
      if 'user_id' = any(fields) and new.user_id is null then
        rest.user_id := old.user_id;
      end if;
      if 'actor_id' = any(fields) and new.actor_id is null then
        rest.actor_id := old.actor_id;
      end if;
      if 'target_id' = any(fields) and new.target_id is null then
        rest.target_id := old.target_id;
      end if;
      if 'more_targets' = any(fields) and new.more_targets is null then
        rest.more_targets := old.more_targets;
      end if;
      if 'request_id' = any(fields) and new.request_id is null then
        rest.request_id := old.request_id;
      end if;
      if 'metadata' = any(fields) and new.metadata = '{}' then
        rest.metadata := old.metadata;
      end if;
      if 'context' = any(fields) and new.context = '{}' then
        rest.context := old.context;
      end if;
      if fields is not null and rest *= old then
        return new;
      end if;
    end if;
  end if;
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
-- When a UUIDv7 was made, as it says itself: the opposite of id_floor(). Without a setting of its own,
-- so that Postgres puts it into the caller's expression.
CREATE OR REPLACE FUNCTION "audit"."id_time"("id" uuid) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select to_timestamp(
    ('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0::double precision)
$$;
--> statement-breakpoint
-- The name of the partition for a range of ids: audit_log_2026_11 for a whole month, and
-- audit_log_2026_11_23 for what begins with that day. A part that begins within a day, next to a
-- partition that was made by hand, has the time in its name, too.
CREATE OR REPLACE FUNCTION "audit"."partition_name"("first_id" uuid, "end_id" uuid) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select 'audit_log_' || to_char(t.start_at, case
    when first_id = audit.id_floor(date_trunc('month', t.start_at))
      and end_id = audit.id_floor(date_trunc('month', t.start_at) + interval '1 month')
    then 'YYYY_MM'
    when first_id = audit.id_floor(date_trunc('day', t.start_at)) then 'YYYY_MM_DD'
    else 'YYYY_MM_DD_HH24MISSMS'
  end)
  from (select audit.id_time(first_id) as start_at) as t
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
-- Makes partitions for these ranges of ids, and puts them into the catalogue. Returns how many. The
-- caller holds row -1 of audit_turn, because two sessions would make the same partition.
-- "replaced": partitions of ours that are empty, which are dropped under the same lock.
--
-- The function holds the log's lock for some milliseconds only, even if DEFAULT holds many rows:
-- - It makes the tables next to the log. A CHECK on each says that it holds only rows of its range, so
--   that Postgres need not read the table when it is attached.
-- - Postgres attaches no partition while DEFAULT holds rows of it, and the append-only trigger forbids
--   moving them. Then the function copies all rows of DEFAULT to where they belong, the others to a
--   new DEFAULT, while the log is written and read. It does so as well where DEFAULT is so long that
--   Postgres would read it for too long.
-- - What was logged meanwhile has a greater seq than the head had at the copy. That little is copied
--   under the lock. Where DEFAULT holds a greater seq than the head, somebody other than the relay
--   wrote to the log, and all rows are counted.
-- - It waits for the lock for 100 ms, because everybody else waits behind it. Then it lets go, and
--   tries again after 0.3 to 1 s, five times in all (55P03).
CREATE OR REPLACE FUNCTION "audit"."make_partitions"(
  "first_ids" uuid[], "end_ids" uuid[], "replaced" text[]
) RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
declare
  max_tries constant integer := 5;
  -- So many pages of DEFAULT are read under the lock in some ten milliseconds.
  max_pages_read constant bigint := 4096;
  max_rows_copied constant integer := 1000;
  max_rows_compared constant integer := 10000;
  names text[];
  -- What the tables are called until those that they replace are gone.
  made text[];
  table_name text;
  is_empty boolean;
  is_copied boolean := false;
  is_by_hand boolean;
  head_at_copy bigint;
  head_now bigint;
  copied bigint;
  copied_in_all bigint;
begin
  select array_agg(n.name order by n.nth),
    array_agg(n.name || case when n.name = any(replaced) then '_next' else '' end order by n.nth)
  into names, made
  from (
    select r.nth, audit.partition_name(r.first_id, r.end_id) as name
    from unnest(first_ids, end_ids) with ordinality as r (first_id, end_id, nth)
  ) as n;
  foreach table_name in array made loop
    if to_regclass('audit.' || table_name) is not null then
      raise exception 'audit.% is a table already, and no partition for those ids', table_name
        using errcode = 'duplicate_table', hint = 'Give that table another name, or drop it.';
    end if;
  end loop;
  for range in 1 .. cardinality(made) loop
    execute format('create table audit.%I (like audit.audit_log including all)', made[range]);
    execute format('alter table audit.%I add constraint audit_log_bounds check (id >= %L and id < %L)',
      made[range], first_ids[range], end_ids[range]);
  end loop;

  for try in 1 .. max_tries loop
    if not is_copied and (
      pg_relation_size('audit.audit_log_default') / current_setting('block_size')::bigint
        * cardinality(made) > max_pages_read
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
      copied_in_all := audit.copy_default(made, first_ids, end_ids, null);
      is_copied := true;
      for round in 1 .. 10 loop
        exit when is_by_hand;
        select h.seq into head_now from audit.audit_head as h;
        copied := audit.copy_default(made, first_ids, end_ids, head_at_copy);
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
            perform audit.copy_default(made, first_ids, end_ids, -1);
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
          perform audit.copy_default(made, first_ids, end_ids, head_at_copy);
        end if;
        alter table audit.audit_log detach partition audit.audit_log_default;
        drop table audit.audit_log_default;
      elsif audit.default_holds(first_ids, end_ids) then
        raise exception 'rows of a missing partition came to DEFAULT meanwhile'
          using errcode = 'lock_not_available';
      end if;
      foreach table_name in array coalesce(replaced, '{}') loop
        execute format('alter table audit.audit_log detach partition audit.%I', table_name);
        execute format('select not exists (select from audit.%I)', table_name) into is_empty;
        if not is_empty then
          raise exception 'entries came to audit.% meanwhile', table_name
            using errcode = 'lock_not_available';
        end if;
        execute format('drop table audit.%I', table_name);
      end loop;
      for range in 1 .. cardinality(made) loop
        execute format('alter table audit.audit_log attach partition audit.%I for values from (%L) to (%L)',
          made[range], first_ids[range], end_ids[range]);
        execute format('alter table audit.%I drop constraint audit_log_bounds', made[range]);
        perform audit.guard_log_table(format('audit.%I', made[range])::regclass);
        if made[range] <> names[range] then
          execute format('alter table audit.%I rename to %I', made[range], names[range]);
        end if;
      end loop;
      -- Rows that are in the way are of tables that are gone: no id of these ranges had a partition.
      delete from audit.audit_partition as p
      where p.name = any(replaced || names) or p.from_id = any(first_ids);
      insert into audit.audit_partition (name, from_id, to_id)
      select n.name, n.first_id, n.end_id
      from unnest(names, first_ids, end_ids) as n (name, first_id, end_id);
      if is_copied then
        alter table audit.audit_log_default_next rename to audit_log_default;
        alter table audit.audit_log attach partition audit.audit_log_default default;
        alter table audit.audit_log_default drop constraint audit_log_bounds;
        perform audit.guard_log_table('audit.audit_log_default');
      end if;
      return cardinality(names);
    exception when lock_not_available then
      if try = max_tries then
        raise exception 'the log was locked by another session % times', max_tries
          using errcode = 'lock_not_available',
            hint = 'audit.who_holds_log() names the sessions.';
      end if;
    end;
    perform pg_sleep(0.3 + 0.7 * random());
    if is_copied and is_by_hand then
      copied_in_all := copied_in_all + audit.copy_default(made, first_ids, end_ids, -1);
    elsif is_copied then
      select h.seq into head_now from audit.audit_head as h;
      perform audit.copy_default(made, first_ids, end_ids, head_at_copy);
      head_at_copy := head_now;
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- The log's partitions as Postgres has them, DEFAULT left out: the smallest id in each and the smallest
-- id behind it. is_exact is false for a partition without a beginning or an end. is_ours: it has a
-- name that ensure_partitions gives, and lies in our schema.
CREATE OR REPLACE FUNCTION "audit"."partition_bounds"(
  OUT "table_id" oid, OUT "schema" text, OUT "name" text, OUT "first_id" uuid, OUT "end_id" uuid,
  OUT "is_exact" boolean, OUT "is_ours" boolean
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select c.oid, n.nspname::text, c.relname::text,
    coalesce(b.ids[1]::uuid, '00000000-0000-0000-0000-000000000000'),
    coalesce(b.ids[2]::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    b.ids[1] is not null and b.ids[2] is not null,
    n.nspname = 'audit' and c.relname ~ '^audit_log_[0-9]{4,5}_[0-9]{2}(_[0-9]{2}(_[0-9]{9})?)?$'
  from pg_inherits as i
  join pg_class as c on c.oid = i.inhrelid
  join pg_namespace as n on n.oid = c.relnamespace
  cross join lateral (
    select pg_get_expr(c.relpartbound, c.oid) as text
  ) as e
  cross join lateral (
    select regexp_match(e.text,
      '^FOR VALUES FROM [(](?:MINVALUE|''([0-9a-f-]{36})'')[)] TO [(](?:MAXVALUE|''([0-9a-f-]{36})'')[)]$'
    ) as ids
  ) as b
  where i.inhparent = 'audit.audit_log'::regclass and e.text <> 'DEFAULT'
$$;
--> statement-breakpoint
-- Makes the first 12 of these partitions, where the log may have them all, and returns how many it
-- made: each takes some milliseconds of the log's lock. The cap counts partitions of our own making: a great many fill the server's table of locks,
-- which all of its databases share.
CREATE OR REPLACE FUNCTION "audit"."make_some"(
  "first_ids" uuid[], "end_ids" uuid[], "replaced" text[], "max_partitions" integer
) RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  max_made constant integer := 12;
  -- A caller can ask for so many at most.
  most constant integer := least(coalesce(max_partitions, 0), 3000);
  ours bigint;
begin
  if first_ids is null then
    return 0;
  end if;
  select count(*) into ours from audit.partition_bounds() as b
  where b.is_ours and b.name <> all(coalesce(replaced, '{}'));
  if ours + cardinality(first_ids) > most then
    raise exception 'the log has % partitions and needs % more, which is over the maximum of %',
      ours, cardinality(first_ids), most
      using errcode = 'program_limit_exceeded',
        hint = 'Remove old entries by a policy, take wider partitions (AUDIT_PARTITION_WIDTH), or '
          'raise the maximum (AUDIT_MAX_PARTITIONS).';
  end if;
  return audit.make_partitions(first_ids[:max_made], end_ids[:max_made], replaced);
end
$$;
--> statement-breakpoint
-- The ranges of ids from one instant to another that no partition holds, one for each month, week or
-- day. A range is shorter where a partition already holds a part of that month, week or day: two
-- partitions never overlap, whatever their widths and names are. "without": partitions that are
-- looked upon as gone.
CREATE OR REPLACE FUNCTION "audit"."missing_ranges"(
  "from_at" timestamptz, "to_at" timestamptz, "width" text, "without" text[],
  OUT "first_id" uuid, OUT "end_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  with unit as (
    select
      audit.id_floor(greatest(s.start_at, from_at)) as first_id,
      audit.id_floor(least(s.start_at + ('1 ' || width)::interval, to_at)) as end_id
    from generate_series(
      date_trunc(width, from_at), to_at - interval '1 microsecond', ('1 ' || width)::interval
    ) as s (start_at)
  ),
  edge as (
    select u.first_id as unit, u.first_id, u.first_id as end_id from unit as u
    union all
    select u.first_id, u.end_id, u.end_id from unit as u
    union all
    select u.first_id, greatest(b.first_id, u.first_id), least(b.end_id, u.end_id)
    from unit as u
    join audit.partition_bounds() as b on b.first_id < u.end_id and b.end_id > u.first_id
    where b.name <> all(coalesce(without, '{}'))
  ),
  gap as (
    select
      lag(e.end_id) over (partition by e.unit order by e.first_id, e.end_id) as first_id,
      e.first_id as end_id
    from edge as e
  )
  select g.first_id, g.end_id from gap as g where g.first_id < g.end_id order by g.first_id
$$;
--> statement-breakpoint
-- How many entries a month the log gets, by estimate: by the rows of the last two partitions that are
-- closed, or of as many as cover four weeks, and by what the open one got so far, whichever is more.
-- The open one counts once its entries span a day, and next to closed ones once they span a week.
CREATE OR REPLACE FUNCTION "audit"."entries_a_month"() RETURNS double precision
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  days_a_month constant double precision := 30.44;
  closed double precision;
  open_one record;
  first_id uuid;
  days double precision;
  opened double precision := 0;
begin
  select sum(c.rows) / sum(c.days) * days_a_month into closed
  from (
    select p.rows, p.days, row_number() over newest as nth,
      coalesce(sum(p.days) over (newest rows between unbounded preceding and 1 preceding), 0) as later
    from (
      select p.rows, p.from_id,
        extract(epoch from audit.id_time(p.to_id) - audit.id_time(p.from_id)) / 86400 as days
      from audit.audit_partition as p where p.closed_at is not null and p.rows is not null
    ) as p
    where p.days between 0.5 and 31.5
    window newest as (order by p.from_id desc)
  ) as c
  where c.nth <= 2 or c.later < 28;

  select b.table_id, b.first_id, b.end_id, c.reltuples, c.relpages into open_one
  from audit.partition_bounds() as b join pg_class as c on c.oid = b.table_id
  where audit.id_floor(now()) >= b.first_id and audit.id_floor(now()) < b.end_id;
  if found then
    execute format('select l.id from audit.audit_log as l where l.id >= %L and l.id < %L order by l.id limit 1',
      open_one.first_id, open_one.end_id) into first_id;
    days := extract(epoch from now() - audit.id_time(first_id)) / 86400;
    if days >= (case when closed is null then 1 else 7 end) then
      -- As the planner does it: by the pages, which are known, and the rows on each when last counted.
      opened := pg_relation_size(open_one.table_id) / current_setting('block_size')::bigint
        * case when open_one.reltuples > 0 and open_one.relpages > 0
            then open_one.reltuples / open_one.relpages else 20 end
        / days * days_a_month;
    end if;
  end if;
  return greatest(closed, opened, 0);
end
$$;
--> statement-breakpoint
-- The log's entry of an id, however old. It is planned for the id each time, so that it plans and locks
-- the one partition that may hold it.
CREATE OR REPLACE FUNCTION "audit"."logged_entry"("given" uuid) RETURNS SETOF audit.audit_log
LANGUAGE plpgsql STABLE STRICT ROWS 1
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
begin
  return query select l.* from audit.audit_log as l where l.id = given;
end
$$;
--> statement-breakpoint
-- What was said about policies, and since when each counts. What keeps less counts after the grace,
-- and not before its entry stood in the log for as long: a transaction that stays open cannot let the
-- grace pass unseen. Null: its entry is not logged yet.
CREATE OR REPLACE FUNCTION "audit"."policy_times"(
  OUT "number" bigint, OUT "actions" text, OUT "keep" interval, OUT "removed" boolean,
  OUT "counts_at" timestamptz
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select p.number, p.actions, p.keep, p.removed, case
    when p.effective_at <= p.set_at then p.effective_at
    else (
      select greatest(p.effective_at, l.logged_at + (p.effective_at - p.set_at))
      from audit.logged_entry(p.entry) as l
    )
  end
  from audit.audit_policy as p
$$;
--> statement-breakpoint
-- The policies that hold at some time, as far as is known now. Null is forever. Of what counts by then
-- for some actions, what was said last holds.
CREATE OR REPLACE FUNCTION "audit"."policies_in_force"(
  "at" timestamptz DEFAULT clock_timestamp(), OUT "actions" text, OUT "keep" interval
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
  select last.actions, last.keep
  from (
    select distinct on (t.actions) t.actions, t.keep, t.removed
    from audit.policy_times() as t
    where t.counts_at <= policies_in_force.at
    order by t.actions, t.number desc
  ) as last
  where not last.removed
$$;
--> statement-breakpoint
-- month, week or day: how wide the next partitions are.
--
-- - auto goes by the rate of entries: months up to 2 million entries a month, weeks up to 8 million,
--   else days. It takes a narrower one only where half a year of it stays within max_partitions.
-- - Whatever is wanted, a partition is at most a quarter as wide as the shortest policy, because
--   entries go with the end of their partition: months for 124 days and more, weeks for 28 and more. A
--   policy that does not count yet is looked at, too.
CREATE OR REPLACE FUNCTION "audit"."partition_width"("wanted" text, "max_partitions" integer)
RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  width text := wanted;
  rate double precision;
  ours bigint;
  shortest interval;
begin
  if width = 'auto' then
    rate := audit.entries_a_month();
    width := case when rate <= 2000000 then 'month' when rate <= 8000000 then 'week' else 'day' end;
  end if;
  select min(p.keep) into shortest
  from (values (now()), (now() + interval '1 year')) as t (at), audit.policies_in_force(t.at) as p;
  if shortest < interval '28 days' then
    width := 'day';
  elsif shortest < interval '124 days' and width = 'month' then
    width := 'week';
  end if;
  if wanted = 'auto' and width <> 'month' then
    select count(*) into ours from audit.partition_bounds() as b where b.is_ours;
    if width = 'day' and ours + 183 > max_partitions then
      width := 'week';
    end if;
    if width = 'week' and ours + 26 > max_partitions then
      width := 'month';
    end if;
  end if;
  return width;
end
$$;
--> statement-breakpoint
-- Makes the partitions that are missing between two instants, past or future, before entries of that
-- time are brought in. Returns how many it made, at most 12 in a call: call it until it returns 0. It
-- makes months, or narrower partitions where a policy demands them. It waits while another session
-- makes partitions, and gives up after five tries (55P03): without them the entries would go to
-- DEFAULT.
CREATE OR REPLACE FUNCTION "audit"."ensure_partitions_between"(
  "from_at" timestamptz, "to_at" timestamptz, "max_partitions" integer DEFAULT 300
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
declare
  max_tries constant integer := 5;
  width constant text := audit.partition_width('month', max_partitions);
  step constant interval := ('1 ' || width)::interval;
  first_ids uuid[];
  end_ids uuid[];
begin
  if from_at is null or to_at is null or from_at > to_at
    or from_at < timestamptz '1970-01-01 00:00:00+00' or to_at > timestamptz '9999-12-31 00:00:00+00'
  then
    raise exception 'from % to % is no range of time from 1970 to 9999', from_at, to_at
      using errcode = 'invalid_parameter_value';
  end if;
  for look in 1 .. 2 loop
    select array_agg(r.first_id order by r.first_id), array_agg(r.end_id order by r.first_id)
    into first_ids, end_ids
    from audit.missing_ranges(
      date_trunc(width, from_at), date_trunc(width, to_at) + step, width, null) as r;
    if first_ids is null then
      return 0;
    end if;
    for try in 1 .. max_tries loop
      exit when look = 2;
      begin
        perform 1 from audit.audit_turn as t where t.turn = -1 for no key update;
        exit;
      exception when lock_not_available then
        if try = max_tries then
          raise exception 'another session is making partitions of the log'
            using errcode = 'lock_not_available', hint = 'Call it again.';
        end if;
      end;
      perform pg_sleep(0.3 + 0.7 * random());
    end loop;
  end loop;
  return audit.make_some(first_ids, end_ids, null, max_partitions);
end
$$;
--> statement-breakpoint
-- The bounds with which a table comes back into the log for a range of ids. Partitions that were made of
-- that time since may reach beyond the range and hold entries. They are joined with what comes back,
-- because two partitions never overlap: then the bounds are those of all together. "joined" names them.
-- Nobody writes to a partition of that time until the transaction ends. "obstacle" says why it cannot come back, and what to do.
CREATE OR REPLACE FUNCTION "audit"."span_in_log"(
  "log_table" text, "first_id" uuid, "end_id" uuid,
  OUT "from_id" uuid, OUT "to_id" uuid, OUT "joined" text[], OUT "obstacle" text
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  other record;
  is_empty boolean;
begin
  from_id := first_id;
  to_id := end_id;
  joined := '{}';
  if exists (
    select from audit.partition_bounds() as b
    where b.name = log_table and not (b.first_id < span_in_log.end_id and b.end_id > span_in_log.first_id)
  ) then
    obstacle := format('a partition of another time has its name: rename the partition %s', log_table);
    return;
  end if;
  for other in
    select * from audit.partition_bounds() as b
    where b.first_id < span_in_log.end_id and b.end_id > span_in_log.first_id order by b.first_id
  loop
    if other.schema <> 'audit' or not other.is_exact then
      obstacle := format(
        'the partition %I.%I was made by hand for its time: detach that one first', other.schema, other.name);
      return;
    end if;
    execute format('lock table audit.%I in share mode', other.name);
    execute format('select not exists (select from audit.%I)', other.name) into is_empty;
    continue when is_empty; -- it makes way
    from_id := least(from_id, other.first_id);
    to_id := greatest(to_id, other.end_id);
    joined := joined || other.name::text;
  end loop;
  if audit.default_holds(array[first_id], array[end_id]) then
    obstacle := format(
      'DEFAULT holds entries of its time: make a partition of them by "select '
      'audit.ensure_partitions_between(''%s'', ''%s'')", as the keeper, and try again',
      audit.id_time(first_id), audit.id_time(end_id) - interval '1 ms');
  end if;
end
$$;
--> statement-breakpoint
-- Puts a table in the place of a partition of the log: for a moment nobody reads or writes the log, and
-- nobody ever sees neither or both. "replacement" is a table of this schema that is like the log and has
-- a CHECK named audit_log_bounds, so that Postgres need not read it; null: nothing comes in its place.
-- The partition that was there, if any, is from then on the table "aside". What else must happen in the
-- same transaction should come before, because the log is locked until it ends.
--
-- Where a whole partition was removed, another one may have been made of its time since. It is dropped,
-- where it is empty or is one of "joined", whose entries the replacement has. One that has got entries
-- meanwhile fails the swap with 55P03: then try again.
CREATE OR REPLACE FUNCTION "audit"."swap_partition"(
  "partition" text, "replacement" text, "aside" text, "from_id" uuid, "to_id" uuid,
  "joined" text[] DEFAULT '{}'
) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  is_default constant boolean := partition = 'audit_log_default';
  -- New entries may still come to another one, so its numbers have no bound yet.
  is_over constant boolean := to_id <= audit.id_floor(clock_timestamp() - interval '72 hours');
  is_there boolean;
  found record;
  other text;
  is_empty boolean;
begin
  lock table only audit.audit_log in access exclusive mode;
  is_there := exists (
    select from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
    where i.inhparent = 'audit.audit_log'::regclass and c.relnamespace = 'audit'::regnamespace
      and c.relname = partition
  );
  lock table audit.audit_log_default in access exclusive mode;
  if is_there then
    execute format('lock table audit.%I in access exclusive mode', partition);
    execute format('alter table audit.audit_log detach partition audit.%I', partition);
    execute format('alter table audit.%I rename to %I', partition, aside);
  end if;
  if replacement is not null then
    for other in
      select b.name from audit.partition_bounds() as b
      where not is_default and b.schema = 'audit'
        and b.first_id < swap_partition.to_id and b.end_id > swap_partition.from_id
    loop
      execute format('alter table audit.audit_log detach partition audit.%I', other);
      execute format('select not exists (select from audit.%I)', other) into is_empty;
      if not is_empty and other <> all(joined) then
        raise exception 'entries of the time of % came to the partition %', partition, other
          using errcode = 'lock_not_available';
      end if;
      execute format('drop table audit.%I', other);
      delete from audit.audit_partition as p where p.name = other;
    end loop;
    execute format('alter table audit.%I rename to %I', replacement, partition);
    -- An erasure gave it to a table that was out of the log. It comes with the partition again.
    execute format('drop trigger if exists audit_log_row_append_only on audit.%I', partition);
    execute format('alter table audit.audit_log attach partition audit.%I %s', partition,
      case when is_default then 'default'
        else format('for values from (%L) to (%L)', from_id, to_id) end);
    execute format('alter table audit.%I drop constraint audit_log_bounds', partition);
    execute format('drop trigger if exists audit_log_append_only on audit.%I', partition);
    perform audit.guard_log_table(format('audit.%I', partition)::regclass);
  end if;
  if is_default then
    return;
  end if;
  if exists (
    select from pg_constraint as k
    where k.conrelid = 'audit.audit_log_default'::regclass and k.conname = 'audit_log_default_range'
  ) then
    alter table audit.audit_log_default drop constraint audit_log_default_range;
  end if;
  if replacement is null then
    delete from audit.audit_partition as p where p.name = partition;
    return;
  end if;
  execute format(
    'select min(p.seq) as min_seq, max(p.seq) as max_seq from audit.%I as p', partition)
  into found;
  insert into audit.audit_partition as p (name, from_id, to_id, min_seq, max_seq, rows, closed_at)
  values (
    partition, from_id, to_id, case when is_over then found.min_seq end,
    case when is_over then found.max_seq end, null, case when is_over then clock_timestamp() end
  )
  on conflict (name) do update set
    from_id = excluded.from_id, to_id = excluded.to_id,
    min_seq = excluded.min_seq, max_seq = excluded.max_seq, closed_at = excluded.closed_at,
    archived_seq = null;
end
$$;
--> statement-breakpoint
-- Brings a restored partition back into the log: what join_restored() has proved comes in the place of
-- what is there of it now, together with that. The numbers are no longer among the removed ones, the
-- retention line goes back, and the log says so. Returns the id of the entry audit.archive_restore and
-- how many entries came back, or the reason why nothing was done. It fails with 55P03 where a lock was
-- not had in lock_timeout_ms. Then try again.
--
-- It takes back whole removals alone, so that each number is either in the log or among the removed
-- ones. And it takes nothing but restored_PARTITION, whose entries this database once counted itself:
-- so nobody brings an entry into the log that was never there.
CREATE OR REPLACE FUNCTION "audit"."attach_restored"(
  "log_table" text, "lock_timeout_ms" integer DEFAULT 100,
  OUT "entry_id" uuid, OUT "brought_back" bigint, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  restored constant text := format('restored_%s', log_table);
  removal audit.audit_swap;
  newest audit.audit_swap;
  entries uuid[] := '{}';
  numbers int8multirange := '{}';
  first_number bigint;
  last_number bigint;
  found bigint;
  aside text;
  is_there boolean;
  is_default constant boolean := log_table = 'audit_log_default';
  span record;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  if to_regclass(format('audit.%I', restored)) is null then
    reason := 'nothing of it was restored';
    return;
  end if;
  brought_back := 0;
  for removal in
    select * from audit.audit_swap as s
    where s.partition = log_table and s.state in ('swapped', 'dropped')
    order by s.swap desc
  loop
    if removal.state = 'swapped' then
      reason := 'the entries still wait for their drop: "audit-relay retention undo" brings them back';
      return;
    end if;
    execute format('select count(*) from audit.%I as r where $1 @> r.seq', restored)
    into found using removal.runs::int8multirange;
    continue when found <> removal.removed;
    newest := coalesce(newest, removal);
    entries := entries || removal.entry_id;
    numbers := numbers + removal.runs::int8multirange;
    brought_back := brought_back + removal.removed;
    first_number := least(first_number, removal.first_seq);
    last_number := greatest(last_number, removal.last_seq);
  end loop;
  if newest is null then
    reason := case when audit.removed_entries(log_table) = 0 then 'nothing of it is removed'
      else 'no removal of it is whole in the restored table' end;
    return;
  end if;
  is_there := to_regclass(format('audit.%I', log_table)) is not null;
  if not is_default then
    span := audit.span_in_log(log_table, newest.from_id, newest.to_id);
    if span.obstacle is not null then
      reason := span.obstacle;
      return;
    end if;
  end if;
  -- A file may hold more, such as one that was made before the removal. The log has those entries, or
  -- they were removed another time.
  execute format('delete from audit.%I as r where not $1 @> r.seq', restored) using numbers;
  if is_default then
    perform audit.join_into_default(restored);
  else
    perform audit.join_into(restored, span.from_id, span.to_id, span.joined);
  end if;
  entry_id := audit.put_ours(
    'audit.archive_restore', null,
    jsonb_build_object(
      'partition', log_table, 'retention', to_jsonb(entries), 'broughtBack', brought_back,
      'firstSeq', first_number, 'lastSeq', last_number,
      'digests', (
        select jsonb_agg(a.digest order by a.number) from audit.audit_archive as a
        where a.partition = log_table and a.stored_at is not null
      )
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  delete from audit.audit_removed as r where r.by_entry = any(entries);
  update audit.audit_swap as s set state = 'undone', ended_at = clock_timestamp()
  where s.entry_id = any(entries);
  perform audit.changed_behind(
    numbers,
    case when is_default then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else newest.to_id end);
  perform audit.set_retention_line();
  aside := format('%s_undone_%s', log_table, newest.swap);
  perform audit.grant_restored(restored, false);
  if is_default then
    perform audit.swap_partition(log_table, restored, aside, null, null);
  else
    perform audit.swap_partition(log_table, restored, aside, span.from_id, span.to_id, span.joined);
  end if;
  if is_there then
    execute format('drop table audit.%I', aside);
  end if;
end
$$;
--> statement-breakpoint
-- Makes the table into which the entries of one archived file come, next to the log: restored_PARTITION_part.
-- What an earlier run has left of it is dropped. "partition" need not be there any more.
CREATE OR REPLACE FUNCTION "audit"."begin_restore"("log_table" text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if log_table !~ '^\w{1,40}$' then
    raise exception 'no partition has the name "%"', log_table
      using errcode = 'invalid_parameter_value';
  end if;
  execute format('drop table if exists audit.%I', format('restored_%s_part', log_table));
  -- Without indexes, which are made once all entries are there.
  execute format('create table audit.%I (like audit.audit_log including defaults including constraints)',
    format('restored_%s_part', log_table));
end
$$;
--> statement-breakpoint
-- Drops what a restore has made next to the log. Returns how many tables. The log is not touched.
CREATE OR REPLACE FUNCTION "audit"."drop_restored"("log_table" text) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  restored text;
  dropped integer := 0;
begin
  for restored in
    select c.relname from pg_class as c
    where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and c.relname in (
      format('restored_%s', log_table), format('restored_%s_part', log_table),
      format('restored_%s_claimed', log_table)
    )
  loop
    execute format('drop table audit.%I', restored);
    dropped := dropped + 1;
  end loop;
  return dropped;
end
$$;
--> statement-breakpoint
-- Compares an archive with the partition and notes it. Returns its number, or null where the content
-- digest is another one. The keeper's login says what its file holds, and the database counts for
-- itself: so a digest that is noted is always one of entries that stood in the log.
CREATE OR REPLACE FUNCTION "audit"."note_archive"(
  "log_table" text, "kept" text, "from_seq" bigint, "to_seq" bigint, "claimed" text, "file_format" text
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  found record;
  noted bigint;
begin
  select * into found from audit.archive_digest(log_table, kept, from_seq, to_seq);
  if found.rows = 0 or found.digest is distinct from claimed then
    return null;
  end if;
  insert into audit.audit_archive (partition, format, rows, first_seq, last_seq, digest)
  values (log_table, file_format, found.rows, found.first_seq, found.last_seq, found.digest)
  on conflict (partition, digest, format)
  do update set compared_at = clock_timestamp(), written_by = session_user
  returning number into noted;
  return noted;
end
$$;
--> statement-breakpoint
-- The fields of an entry that can be erased, in the order in which all lists of them are. They are those
-- that may hold personal data. What else an entry says stays, so that the log stays whole.
CREATE OR REPLACE FUNCTION "audit"."erasure_fields"() RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select array['user_id', 'actor_id', 'target_id', 'more_targets', 'request_id', 'metadata', 'context']
$$;
--> statement-breakpoint
-- Puts a table without what was erased in the place of a restored one, where that holds any of it. It
-- copies the rows instead of changing them, because a changed row leaves its old bytes behind.
CREATE OR REPLACE FUNCTION "audit"."leave_blank"("restored" text) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  blank constant text := restored || '_blank';
  is_touched boolean;
  columns text;
begin
  execute format(
    'select exists (select from audit.%I as r join audit.audit_erasure as e on e.seq = r.seq and e.id = r.id)',
    restored) into is_touched;
  if not is_touched then
    return;
  end if;
  select string_agg(case
      when a.attname = any(array['metadata', 'context'])
        then format('case when %L = any(e.fields) then ''{}'' else r.%I end', a.attname, a.attname)
      when a.attname = any(audit.erasure_fields())
        then format('case when %L = any(e.fields) then null else r.%I end', a.attname, a.attname)
      else format('r.%I', a.attname)
    end, ', ' order by a.attnum)
  into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  execute format('drop table if exists audit.%I', blank);
  execute format('create table audit.%I (like audit.audit_log including defaults including constraints)', blank);
  execute format(
    'insert into audit.%1$I (%2$s) select %3$s from audit.%4$I as r '
    'left join audit.audit_erasure as e on e.seq = r.seq and e.id = r.id',
    blank, audit.log_columns(), columns, restored);
  execute format('drop table audit.%I', restored);
  execute format('alter table audit.%I rename to %I', blank, restored);
  execute format('create index on audit.%I (seq)', restored);
end
$$;
--> statement-breakpoint
-- Compares what was restored of one archived file with the content digest of that file, and takes it
-- into the restored table. Returns its name, or null where the digest is another one.
--
-- It is restored_PARTITION where the digest is one that audit.note_archive() noted: then the database
-- itself has seen these entries in the log, and they may come back to it. A file that only claims a
-- digest, as one of another database, comes into restored_PARTITION_claimed, for reading alone.
--
-- What was erased since the file was made stays erased, in both: once the digest is compared, the
-- entries are copied without it into another table, so that their bytes are nowhere in it.
CREATE OR REPLACE FUNCTION "audit"."join_restored"("log_table" text, "claimed" text) RETURNS text
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  part constant text := format('restored_%s_part', log_table);
  is_noted constant boolean := exists (
    select from audit.audit_archive as a where a.partition = log_table and a.digest = claimed
  );
  restored constant text := format('restored_%s%s', log_table, case when not is_noted then '_claimed' end);
  index_of record;
begin
  execute format('create index on audit.%I (seq)', part);
  if claimed is distinct from (
    select d.digest from audit.archive_digest(
      part, null, '-9223372036854775808', '9223372036854775807') as d
  ) then
    return null;
  end if;
  perform audit.leave_blank(part);
  if to_regclass(format('audit.%I', restored)) is not null then
    -- An entry may be in two files, as where one was made of the whole partition.
    execute format('insert into audit.%I select * from audit.%I order by id on conflict do nothing',
      restored, part);
    execute format('drop table audit.%I', part);
    return restored;
  end if;
  execute format('alter table audit.%I rename to %I', part, restored);
  -- The indexes of the log, so that it is read, and attached, as a partition is.
  for index_of in
    select i.indisprimary as is_key, pg_get_indexdef(i.indexrelid) as text
    from pg_index as i where i.indrelid = 'audit.audit_log'::regclass
      and i.indexrelid is distinct from to_regclass('audit.audit_log_seq')
  loop
    if index_of.is_key then
      execute format('alter table audit.%I add primary key (id)', restored);
    else
      execute regexp_replace(index_of.text, '^CREATE INDEX \S+ ON (ONLY )?\S+',
        format('CREATE INDEX ON audit.%I', restored));
    end if;
  end loop;
  execute format('analyze audit.%I', restored);
  perform audit.grant_restored(restored, true);
  return restored;
end
$$;
--> statement-breakpoint
-- The files that were archived, of one partition or of all, in the order of their numbers in the log.
CREATE OR REPLACE FUNCTION "audit"."list_archives"("log_table" text DEFAULT NULL)
RETURNS SETOF "audit"."audit_archive"
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select * from audit.audit_archive as a
  where a.stored_at is not null and (log_table is null or a.partition = log_table)
  order by a.partition, a.first_seq, a.number
$$;
--> statement-breakpoint
-- Puts lines of an archived file, as a JSON array, into the table that begin_restore() made, and returns
-- how many. The keeper's login can write nothing else by it, and join_restored() compares what it wrote.
CREATE OR REPLACE FUNCTION "audit"."restore_rows"("log_table" text, "lines" json) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  taken bigint;
begin
  execute format(
    'insert into audit.%I (%s) select %2$s from json_populate_recordset(null::audit.audit_log, $1)',
    format('restored_%s_part', log_table), audit.log_columns()
  ) using lines;
  get diagnostics taken = row_count;
  return taken;
end
$$;
--> statement-breakpoint
-- The commitment to one value of an entry, as a JSON string: the SHA-256 of its salt, its column and the
-- value. The salt are the 12 bytes of "keys" that begin at "place". One expression, as leaf_of().
CREATE OR REPLACE FUNCTION "audit"."commitment"(
  "keys" bytea, "place" integer, "column" text, "value" text
) RETURNS text
LANGUAGE sql STABLE AS $$
  select pg_catalog.concat('"', pg_catalog.encode(pg_catalog.sha256(
    pg_catalog.substr(keys, place, 12)
      operator(pg_catalog.||) pg_catalog.convert_to(pg_catalog.concat("column", value), 'UTF8')
  ), 'hex'), '"')
$$;
--> statement-breakpoint
-- For each personal value of an entry that is not null: its own salt and its commitment, both in
-- hexadecimal, by the name of its column. An erasure keeps the salts of what stays and the commitments of
-- what goes.
CREATE OR REPLACE FUNCTION "audit"."leaf_commitments"("entry" audit.audit_log, "salt" bytea)
RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(jsonb_object_agg(f.name, jsonb_build_object(
    'salt', encode(substr(f.keys, f.place, 12), 'hex'),
    'commitment', trim(both '"' from audit.commitment(f.keys, f.place, f.name || '=', f.value))
  )), '{}')
  from (values
    ('user_id', sha512(salt), 1, to_json(entry.user_id)::text),
    ('actor_id', sha512(salt || decode('01', 'hex')), 1, to_json(entry.actor_id)::text),
    ('target_id', sha512(salt), 13, to_json(entry.target_id)::text),
    ('more_targets', sha512(salt || decode('01', 'hex')), 13, array_to_json(entry.more_targets)::text),
    ('request_id', sha512(salt), 25, to_json(entry.request_id)::text),
    ('metadata', sha512(salt), 37, entry.metadata::text),
    ('context', sha512(salt), 49, entry.context::text)
  ) as f (name, keys, place, value)
  where f.value is not null
$$;
--> statement-breakpoint
-- A time as a JSON string, as an export prints it: in UTC with six digits. One expression, as
-- leaf_of(). An endless time comes out of to_json() as its word.
CREATE OR REPLACE FUNCTION "audit"."leaf_time"("at" timestamptz) RETURNS text
LANGUAGE sql STABLE AS $$
  select case when pg_catalog.isfinite("at") then pg_catalog.concat(
    '"', pg_catalog.to_char("at" at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
    case when ("at" at time zone 'UTC') operator(pg_catalog.<) timestamp '0001-01-01' then ' BC"'
      else '"' end
  ) else pg_catalog.to_json("at" at time zone 'UTC')::pg_catalog.text end
$$;
--> statement-breakpoint
-- The text of an entry's leaf, version 1: one line of JSON with the values as an export prints them,
-- and in the place of each personal value its commitment. "keys" is the SHA-512 of the entry's salt, of
-- which each value has 12 bytes; "rare_keys" that of the salt and the byte 1, for the two values that
-- few entries have.
--
-- It is one expression and names the schema of everything, so that Postgres puts it into the statement
-- that calls it, and nobody's search_path changes it. The bytes do not depend on any setting.
CREATE OR REPLACE FUNCTION "audit"."leaf_of"("entry" audit.audit_log, "keys" bytea, "rare_keys" bytea)
RETURNS text
LANGUAGE sql STABLE AS $$
  select pg_catalog.concat(
    '{"v":1,"seq":', entry.seq, ',"id":"', entry.id,
    '","occurred_at":', audit.leaf_time(entry.occurred_at),
    ',"logged_at":', audit.leaf_time(entry.logged_at),
    ',"written_by":', pg_catalog.to_json(entry.written_by),
    ',"event_id":', coalesce(pg_catalog.to_json(entry.event_id)::pg_catalog.text, 'null'),
    ',"action":', pg_catalog.to_json(entry.action),
    ',"entity_type":', coalesce(pg_catalog.to_json(entry.entity_type)::pg_catalog.text, 'null'),
    ',"outcome":', coalesce(pg_catalog.to_json(entry.outcome)::pg_catalog.text, 'null'),
    ',"actor_kind":', coalesce(pg_catalog.to_json(entry.actor_kind)::pg_catalog.text, 'null'),
    ',"user_id":', case when entry.user_id is null then 'null' else
      audit.commitment(keys, 1, 'user_id=', pg_catalog.to_json(entry.user_id)::pg_catalog.text) end,
    ',"actor_id":', case when entry.actor_id is null then 'null' else
      audit.commitment(rare_keys, 1, 'actor_id=', pg_catalog.to_json(entry.actor_id)::pg_catalog.text) end,
    ',"target_id":', case when entry.target_id is null then 'null' else
      audit.commitment(keys, 13, 'target_id=', pg_catalog.to_json(entry.target_id)::pg_catalog.text) end,
    ',"more_targets":', case when entry.more_targets is null then 'null' else
      audit.commitment(
        rare_keys, 13, 'more_targets=', pg_catalog.array_to_json(entry.more_targets)::pg_catalog.text) end,
    ',"request_id":', case when entry.request_id is null then 'null' else
      audit.commitment(keys, 25, 'request_id=', pg_catalog.to_json(entry.request_id)::pg_catalog.text) end,
    ',"metadata":', audit.commitment(keys, 37, 'metadata=', entry.metadata::pg_catalog.text),
    ',"context":', audit.commitment(keys, 49, 'context=', entry.context::pg_catalog.text),
    ',"recorder_id":', coalesce(pg_catalog.to_json(entry.recorder_id)::pg_catalog.text, 'null'),
    ',"recorder_seq":', coalesce(entry.recorder_seq::pg_catalog.text, 'null'), '}')
$$;
--> statement-breakpoint
-- The text of the leaf of an entry of which something was erased, by its opening: each value that is
-- still there with its own salt, and the commitment of each that was erased.
CREATE OR REPLACE FUNCTION "audit"."leaf_opened"("entry" audit.audit_log, "opening" jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  leaf text;
  part record;
  salt_of constant text[] := array(
    select coalesce(opening -> f ->> 'salt', repeat('00', 12))
    from unnest(array['user_id', 'target_id', 'request_id', 'metadata', 'context', 'actor_id', 'more_targets'])
      with ordinality as f (f, n) order by n);
begin
  leaf := audit.leaf_of(entry,
    decode(array_to_string(salt_of[1:5], ''), 'hex'), decode(array_to_string(salt_of[6:7], ''), 'hex'));
  for part in select o.key, o.value ->> 'erased' as erased from jsonb_each(opening) as o loop
    -- Strings escape their quotes, so a name with quotes around it and a comma before it is the key.
    if part.erased is not null then
      leaf := regexp_replace(leaf, format(',"%s":(null|"[0-9a-f]{64}")', part.key),
        format(',"%s":"%s"', part.key, part.erased));
    end if;
  end loop;
  return leaf;
end
$$;
--> statement-breakpoint
-- The text of an entry's leaf with the 16 bytes of its salt. Where the entry stands in a statement that
-- makes many leaves, leaf_of() computes the hash of the salt once.
CREATE OR REPLACE FUNCTION "audit"."leaf_text"("entry" audit.audit_log, "salt" bytea) RETURNS text
LANGUAGE sql STABLE AS $$
  select audit.leaf_of(
    entry, pg_catalog.sha512(salt),
    case when entry.actor_id is not null or entry.more_targets is not null then
      pg_catalog.sha512(salt operator(pg_catalog.||) pg_catalog.decode('01', 'hex')) end)
$$;
--> statement-breakpoint
-- Puts back the salts of entries that came back from an archive, from lines that audit.archive_salts()
-- made, and returns how many were put back. It takes a salt only where the leaf that it opens is the one
-- that was sealed, so nobody can spoil a proof by it. Of an entry of which something was erased, also
-- after the archive was made, only the salts of what is left come back.
CREATE OR REPLACE FUNCTION "audit"."restore_salts"("log_table" text, "lines" json) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
declare
  place constant text := audit.archive_table(log_table);
  columns text;
  one record;
  opened jsonb;
  leaf text;
  restored bigint := 0;
begin
  if not exists (select from audit.audit_origin) then
    return 0;
  end if;
  select string_agg(format('r.%I', a.attname), ', ' order by a.attnum) into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  for one in execute format($query$
    select row(%s)::audit.audit_log as entry, decode(g.salt, 'hex') as salt, g.opening,
      e.seq is not null as is_erased, e.opening as known, e.fields
    from json_to_recordset($1) as g (seq bigint, salt text, opening jsonb)
    join %s as r on r.seq = g.seq
    join audit.audit_salt as s on s.n = r.seq / 256
      and substr(s.salts, (r.seq %% 256)::integer * 16 + 1, 16) = decode(repeat('00', 16), 'hex')
    left join audit.audit_erasure as e on e.seq = r.seq
    order by g.seq
    $query$, columns, place)
  using lines
  loop
    if octet_length(one.salt) <> 16 then
      continue;
    end if;
    if one.known is null then
      leaf := audit.leaf_text(one.entry, one.salt);
    else
      -- What was erased keeps its commitment. What is left gets its own salt again.
      opened := coalesce(one.opening, (
        select jsonb_object_agg(c.key, jsonb_build_object('salt', c.value -> 'salt'))
        from jsonb_each(audit.leaf_commitments(one.entry, one.salt)) as c
      )) || one.known;
      leaf := audit.leaf_opened(one.entry, opened);
    end if;
    continue when not exists (
      select from audit.audit_origin as o
      join audit.audit_tile as t on t.origin = o.origin and t.level = 0
        and t.n = ((one.entry).seq - o.first_seq) / 256
      where o.first_seq <= (one.entry).seq
        and substr(t.hashes, (((one.entry).seq - o.first_seq) % 256)::integer * 32 + 1, 32)
          = sha256(decode('00', 'hex') || convert_to(leaf, 'UTF8'))
    );
    if one.known is null then
      update audit.audit_salt as s
      set salts = overlay(s.salts placing one.salt from ((one.entry).seq % 256)::integer * 16 + 1 for 16)
      where s.n = (one.entry).seq / 256;
    else
      update audit.audit_erasure as e set opening = opened where e.seq = (one.entry).seq;
    end if;
    restored := restored + 1;
  end loop;
  return restored;
end
$$;
--> statement-breakpoint
-- Notes where the file of a compared archive lies, and the one with the salts of its entries, once they
-- have been read back from there.
CREATE OR REPLACE FUNCTION "audit"."store_archive"(
  "number" bigint, "url" text, "sha256" text, "bytes" bigint, "locked_until" timestamptz,
  "salts_url" text DEFAULT NULL
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_archive as a
  set url = store_archive.url, sha256 = store_archive.sha256, bytes = store_archive.bytes,
    locked_until = store_archive.locked_until, stored_at = clock_timestamp(),
    salts_url = coalesce(store_archive.salts_url, a.salts_url)
  where a.number = store_archive.number
$$;
--> statement-breakpoint
-- Counts entries that came again after something of them was erased. They are dropped, and not even a
-- dead letter: what was erased must not come back by the way of a recorder that still had it. Returns
-- the ids of which that is so. The rows are locked in the order of their ids, so that two moves cannot
-- deadlock.
CREATE OR REPLACE FUNCTION "audit"."drop_copies"("ids" uuid[]) RETURNS uuid[]
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  with locked as materialized (
    select e.id from audit.audit_erasure as e where e.id = any(ids) order by e.id for no key update
  ),
  counted as (
    update audit.audit_erasure as e set copies = e.copies + c.copies
    from (
      select i as id, count(*) as copies from unnest(ids) as i
      where i in (select l.id from locked as l) group by i
    ) as c
    where e.id = c.id
    returning e.id
  )
  select coalesce(array_agg(c.id), '{}') from counted as c
$$;
--> statement-breakpoint
-- Notes that all that was erased up to "began" is in no file of a table any more. Returns how many
-- entries that are.
CREATE OR REPLACE FUNCTION "audit"."end_scrub"("began" timestamptz) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  with scrubbed as (
    update audit.audit_erasure as e set scrubbed_at = clock_timestamp()
    where e.scrubbed_at is null and e.erased_at <= began
    returning 1
  )
  select count(*) from scrubbed
$$;
--> statement-breakpoint
-- The legal holds that are in force.
CREATE OR REPLACE FUNCTION "audit"."holds_in_force"() RETURNS SETOF "audit"."audit_hold"
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.* from audit.audit_hold as h where h.released_at is null order by h.placed_at, h.id
$$;
--> statement-breakpoint
-- A legal hold in force that meets an entry, or null: every condition of it is met by one of
-- what is given for it. Ids are text. It is called for each entry that is about to go, by functions
-- that pin the search_path; setting it again would take longer than the look.
CREATE OR REPLACE FUNCTION "audit"."hold_on"(
  "users" text[], "events" text[], "targets" text[], "requests" text[], "times" timestamptz[]
) RETURNS uuid
LANGUAGE plpgsql STABLE AS $$
begin
  return (
    select h.id from audit.audit_hold as h
    where h.released_at is null
      and (h.user_id is null or h.user_id = any(users))
      and (h.event_id is null or h.event_id = any(events))
      and (h.target_id is null or h.target_id = any(targets))
      and (h.request_id is null or h.request_id = any(requests))
      and (
        num_nonnulls(h.from_at, h.to_at) = 0
        or tstzrange(h.from_at, h.to_at, '[)') @> any(times)
      )
    limit 1
  );
end
$$;
--> statement-breakpoint
-- Whether a legal hold forbids to remove this entry. Everything that removes asks, after it has locked
-- audit_hold in SHARE mode, so that no hold can be placed between the answer and the removal. One
-- plan serves all entries: to make a plan takes much longer than the look.
CREATE OR REPLACE FUNCTION "audit"."is_held"(
  "id" uuid, "occurred_at" timestamptz, "user_id" text, "event_id" text, "target_id" text,
  "request_id" text, "actor_id" text, "more_targets" text[]
) RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  return audit.hold_on(
    array[user_id, actor_id], array[event_id], target_id || more_targets, array[request_id],
    array[occurred_at, audit.id_time(id)]
  ) is not null;
end
$$;
--> statement-breakpoint
-- The condition that a hold keeps a row, as SQL. Where there is no hold, no row is asked about.
CREATE OR REPLACE FUNCTION "audit"."held_condition"() RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
begin
  if not exists (select from audit.holds_in_force()) then
    return 'false';
  end if;
  return 'audit.is_held(r.id, r.occurred_at, r.user_id::text, r.event_id::text, r.target_id::text, '
    'r.request_id, r.actor_id::text, r.more_targets::text[])';
end
$$;
--> statement-breakpoint
-- The entries with these numbers in a place of the log: which of their fields hold something, and the
-- legal hold in force that one is under, if any. "condition" is that of audit.held_condition(). "entry" is
-- all of it.
CREATE OR REPLACE FUNCTION "audit"."entries_in"(
  "place" regclass, "seqs" bigint[], "condition" text,
  OUT "seq" bigint, OUT "id" uuid, OUT "action" text, OUT "present" text[], OUT "hold" uuid,
  OUT "entry" audit.audit_log
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  columns text;
begin
  -- By name: a partition that was attached by hand may have another order.
  select string_agg(format('r.%I', a.attname), ', ' order by a.attnum) into columns
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attnum > 0 and not a.attisdropped;
  return query execute format($query$
    select r.seq, r.id, r.action, array_remove(array[
        case when r.user_id is not null then 'user_id' end,
        case when r.actor_id is not null then 'actor_id' end,
        case when r.target_id is not null then 'target_id' end,
        case when r.more_targets is not null then 'more_targets' end,
        case when r.request_id is not null then 'request_id' end,
        case when r.metadata <> '{}' then 'metadata' end,
        case when r.context <> '{}' then 'context' end
      ], null),
      case when %2$s then audit.hold_on(
        array[r.user_id::text, r.actor_id::text], array[r.event_id::text],
        r.target_id::text || r.more_targets::text[], array[r.request_id],
        array[r.occurred_at, audit.id_time(r.id)]) end,
      row(%3$s)::audit.audit_log
    from %1$s as r where r.seq = any($1)
    $query$, place, condition, columns)
  using seqs;
end
$$;
--> statement-breakpoint
-- Makes the salts of these numbers zero: without its salt nobody can find out what a value was by hashing
-- guesses. Each row of the table is written once, however many of its salts go.
CREATE OR REPLACE FUNCTION "audit"."forget_salts"("runs" int8multirange) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_salt as s set salts = (
    select string_agg(
      case when runs @> s.n * 256 + p.place then decode(repeat('00', 16), 'hex')
        else substr(s.salts, p.place * 16 + 1, 16) end, ''::bytea order by p.place)
    from generate_series(0, 255) as p (place)
  )
  where s.n in (
    select distinct generate_series(lower(r) / 256, (upper(r) - 1) / 256) from unnest(runs) as r
  )
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
-- Whether fields of an entry of this action can be erased. Of the product's own entries only those that
-- say who read, or who shared a view, can: the others say that something else is missing, and must not go
-- themselves.
CREATE OR REPLACE FUNCTION "audit"."is_erasable"("action" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select action in ('audit.read', 'audit.read_denied', 'audit.view_save', 'audit.view_remove')
    or not audit.is_reserved(action)
$$;
--> statement-breakpoint
-- The tables that hold entries of the log: its partitions, and copies next to it, which are tables that
-- retention took out and that wait for their drop, what it builds, and what a restore of an archive has
-- made. "min_seq" and "max_seq" bound the numbers in a place, where that is known.
CREATE OR REPLACE FUNCTION "audit"."log_places"(
  OUT "place" regclass, OUT "kind" text, OUT "min_seq" bigint, OUT "max_seq" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select c.oid::regclass, 'partition', p.min_seq, p.max_seq
  from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
  left join audit.audit_partition as p
    on p.name = c.relname and c.relnamespace = 'audit'::regnamespace
  where i.inhparent = 'audit.audit_log'::regclass
  union all
  select c.oid::regclass,
    case when exists (
      select from audit.audit_swap as s where s.detached = c.relname and s.state = 'swapped'
    ) then 'removed' else 'copy' end,
    null, null
  from pg_class as c
  where c.relnamespace = 'audit'::regnamespace and c.relkind = 'r' and not c.relispartition
    and (
      select count(*) from pg_attribute as a
      where a.attrelid = c.oid and a.attname in ('seq', 'logged_at', 'more_targets')
        and not a.attisdropped
    ) = 3
$$;
--> statement-breakpoint
-- What proves a sealed entry without the fields that are erased of it: of each committed value its own
-- salt, or the commitment of a value that goes. "entry" still holds what goes. "before" is what an
-- earlier erasure of the entry has left; then the salt of the whole entry is zero, and the values that
-- go now have salts of their own. Null where nothing can prove the entry: it has no salt.
CREATE OR REPLACE FUNCTION "audit"."opened"(
  "entry" audit.audit_log, "before" jsonb, "gone" text[]
) RETURNS jsonb
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  salt bytea;
begin
  select substr(s.salts, (entry.seq % 256)::integer * 16 + 1, 16) into salt
  from audit.audit_salt as s where s.n = entry.seq / 256;
  if salt <> decode(repeat('00', 16), 'hex') then
    return (
      select jsonb_object_agg(c.key, case when c.key = any(gone)
        then jsonb_build_object('erased', c.value -> 'commitment')
        else jsonb_build_object('salt', c.value -> 'salt') end)
      from jsonb_each(audit.leaf_commitments(entry, salt)) as c
    );
  end if;
  return before || (
    select coalesce(jsonb_object_agg(f.name, jsonb_build_object('erased', trim(both '"' from
      audit.commitment(decode(before -> f.name ->> 'salt', 'hex'), 1, f.name || '=', f.value)))), '{}')
    from (values
      ('user_id', to_json(entry.user_id)::text),
      ('actor_id', to_json(entry.actor_id)::text),
      ('target_id', to_json(entry.target_id)::text),
      ('more_targets', array_to_json(entry.more_targets)::text),
      ('request_id', to_json(entry.request_id)::text),
      ('metadata', entry.metadata::text),
      ('context', entry.context::text)
    ) as f (name, value)
    where f.name = any(gone) and before -> f.name ? 'salt'
  );
end
$$;
--> statement-breakpoint
-- Numbers as JSON: an array of runs, each with its first and its last number.
CREATE OR REPLACE FUNCTION "audit"."seq_runs"("seqs" bigint[]) RETURNS jsonb
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  select jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) order by r)
  from unnest((select range_agg(int8range(s, s, '[]')) from unnest(seqs) as s)) as r
$$;
--> statement-breakpoint
-- The name that an entry's context gives to an id of the entry, from its "user" or "actor": at most 200
-- characters. Null where it names nobody, or somebody else: an entry may have another user than the
-- request in which it was recorded.
CREATE OR REPLACE FUNCTION "audit"."label_name"("named" jsonb, "subject" text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when jsonb_typeof(named) = 'object' and jsonb_typeof(named -> 'name') = 'string' and (
      named ->> 'id' = subject
      -- A column of UUIDs prints them in lower case.
      or subject ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' and lower(named ->> 'id') = subject
    )
    then nullif(btrim(left(named ->> 'name', 200)), '')
  end
$$;
--> statement-breakpoint
-- The ranges of ids in which entries with these numbers may be, the newest that has begun first. A reader
-- that asks the log for a number asks one after the other, because a statement about all partitions locks all
-- of them and their indexes. It leaves out the partitions that cannot hold the numbers, by the catalogue
-- or because they are empty, and has what lies between them, too: DEFAULT, or a partition that the
-- catalogue does not know. "to_id" of the last range is null.
CREATE OR REPLACE FUNCTION "audit"."ranges_of_seqs"(
  "from_seq" bigint, "to_seq" bigint, OUT "from_id" uuid, OUT "to_id" uuid
) RETURNS SETOF record
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select range.from_id, range.to_id
  from (
    select part.from_id, part.to_id, part.from_id > audit.id_floor(now()) as is_ahead
    from audit.audit_partition as part
    where coalesce(part.min_seq <= ranges_of_seqs.to_seq, true)
      and coalesce(part.max_seq >= ranges_of_seqs.from_seq, true)
      and pg_relation_size(to_regclass(format('audit.%I', part.name))) is distinct from 0
    union all
    select gap.from_id, gap.to_id, true
    from (
      select part.to_id as from_id, lead(part.from_id) over (order by part.from_id) as to_id
      from audit.audit_partition as part
      union all
      select '00000000-0000-0000-0000-000000000000', (
        select part.from_id from audit.audit_partition as part order by part.from_id limit 1)
    ) as gap
    where gap.from_id is distinct from gap.to_id
  ) as range
  order by range.is_ahead, range.from_id desc
$$;
--> statement-breakpoint
-- The last entry between these numbers that gives this name to this id in this event; null for none. It
-- looks at the newest 1,000 entries of the id in each of the 32 newest partitions that hold such numbers.
CREATE OR REPLACE FUNCTION "audit"."labelled_seq"(
  "subject" text, "event" text, "name" text, "from_seq" bigint, "to_seq" bigint
) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET jit = off AS $$
declare
  most_ranges constant integer := 32;
  id_type text;
  range record;
  newest bigint;
begin
  select format_type(a.atttypid, null) into id_type
  from pg_attribute as a
  where a.attrelid = 'audit.audit_log'::regclass and a.attname = 'user_id';
  for range in
    select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r limit most_ranges
  loop
    execute format($query$
      select max(e.seq)
      from (
        (select l.seq, l.event_id, l.context -> 'user' as named from audit.audit_log as l
          where l.user_id = $1::%1$s and l.id >= $2 and ($3 is null or l.id < $3)
          order by l.id desc limit 1000)
        union all
        (select l.seq, l.event_id, l.context -> 'actor' from audit.audit_log as l
          where l.actor_id = $1::%1$s and l.id >= $2 and ($3 is null or l.id < $3)
          order by l.id desc limit 1000)
      ) as e
      where e.seq between $4 and $5 and coalesce(e.event_id::text, '') = $6
        and audit.label_name(e.named, $1) = $7
      $query$, id_type)
    into newest using subject, range.from_id, range.to_id, from_seq, to_seq, event, name;
    exit when newest is not null;
  end loop;
  return newest;
end
$$;
--> statement-breakpoint
-- Looks whether an entry of the log still has a name whose last entry is gone or empty, and deletes the
-- name where none has it.
CREATE OR REPLACE FUNCTION "audit"."keep_label"("label" audit.audit_label) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  newest constant bigint := audit.labelled_seq(
    label.subject, label.event, label.name, label.first_seq, label.last_seq);
begin
  if newest is null then
    delete from audit.audit_label as k
    where k.subject = label.subject and k.event = label.event and k.name = label.name;
  else
    update audit.audit_label as k set last_seq = newest
    where k.subject = label.subject and k.event = label.event and k.name = label.name;
  end if;
end
$$;
--> statement-breakpoint
-- Forgets the names that only these entries had, of which something was erased.
CREATE OR REPLACE FUNCTION "audit"."forget_labels"("seqs" bigint[]) RETURNS void
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  label audit.audit_label;
begin
  for label in
    select * from audit.audit_label as k where k.last_seq = any(seqs)
    order by k.subject, k.event, k.name for update
  loop
    perform audit.keep_label(label);
  end loop;
end
$$;
--> statement-breakpoint
-- The greatest number below the newest checkpoint: no entry up to it can change unseen. 0 where nothing
-- is sealed.
CREATE OR REPLACE FUNCTION "audit"."sealed_through"() RETURNS bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(max(o.first_seq - 1 + c.size), 0)
  from audit.audit_origin as o
  cross join lateral (
    select p.size from audit.audit_checkpoint as p
    where p.origin = o.origin order by p.size desc limit 1
  ) as c
$$;
--> statement-breakpoint
-- Forgets who saved a view, where the entry that says so is one of these, of which something was erased.
CREATE OR REPLACE FUNCTION "audit"."forget_makers"("entries" uuid[]) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_view as v set user_id = null, made_by = null where v.entry = any(entries)
$$;
--> statement-breakpoint
-- Does what audit.erase() says. With "may_be_unsealed" it also erases what is not sealed yet, for a caller
-- that keeps every sealer from sealing meanwhile: such an entry is sealed as it is then, with its salt.
CREATE OR REPLACE FUNCTION "audit"."erase_entries"(
  "seqs" bigint[], "fields" text[], "reason" text, "may_be_unsealed" boolean,
  OUT "seq" bigint, OUT "id" uuid, OUT "erased" text[]
) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  most constant integer := 10000;
  said constant text := btrim(reason);
  wanted constant text[] := array(
    select f from unnest(audit.erasure_fields()) with ordinality as f (f, n)
    where f = any(fields) order by n);
  condition text;
  is_sealed boolean;
  sealed_through bigint;
  known audit.audit_erasure;
  gone text[];
  at_place record;
  one record;
  found_seqs bigint[] := '{}';
  changed_seqs bigint[] := '{}';
  changed_ids uuid[] := '{}';
  missing bigint;
  ids uuid[];
begin
  if coalesce(cardinality(seqs), 0) not between 1 and most or array_position(seqs, null) is not null then
    raise exception 'audit.erase takes 1 to % numbers of entries', most
      using errcode = 'invalid_parameter_value';
  end if;
  if cardinality(wanted) = 0 or not fields <@ wanted then
    raise exception 'audit.erase knows the fields %', array_to_string(audit.erasure_fields(), ', ')
      using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(char_length(said), 0) not between 1 and 1000 then
    raise exception 'an erasure needs a reason of 1 to 1000 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  perform audit.begin_retention();
  perform 1 from audit.audit_turn as t where t.turn = -1 for no key update;
  lock table audit.audit_hold in share mode;
  lock table audit.audit_origin in share mode;
  is_sealed := exists (select from audit.audit_origin);
  sealed_through := audit.sealed_through();
  condition := audit.held_condition();
  for at_place in
    select p.place from audit.log_places() as p
    where coalesce(p.max_seq >= (select min(s) from unnest(seqs) as s), true)
      and coalesce(p.min_seq <= (select max(s) from unnest(seqs) as s), true)
    order by p.kind <> 'partition', p.place::text
  loop
    ids := '{}';
    for one in select f.* from audit.entries_in(at_place.place, seqs, condition) as f loop
      if not audit.is_erasable(one.action) then
        raise exception 'entry % is one of the log''s own (%) and is not erased', one.seq, one.action
          using errcode = 'invalid_parameter_value', schema = 'audit', table = 'audit_log',
            column = 'action';
      end if;
      if one.hold is not null then
        raise exception 'entry % is held by the legal hold %', one.seq, one.hold
          using errcode = 'object_in_use', schema = 'audit', table = 'audit_hold',
            constraint = one.hold::text;
      end if;
      if is_sealed and one.seq > sealed_through and not may_be_unsealed then
        raise exception 'entry % is not sealed yet', one.seq
          using errcode = 'object_not_in_prerequisite_state', schema = 'audit',
            table = 'audit_checkpoint';
      end if;
      found_seqs := found_seqs || one.seq;
      continue when not one.present && wanted;
      ids := ids || one.id;
      select e.* into known from audit.audit_erasure as e where e.seq = one.seq;
      gone := array(
        select f from unnest(audit.erasure_fields()) with ordinality as w (f, n)
        where f = any(known.fields) or f = any(wanted) and f = any(one.present) order by n);
      insert into audit.audit_erasure as e (seq, id, fields, opening)
      values (one.seq, one.id, gone,
        case when one.seq <= sealed_through then audit.opened(one.entry, known.opening, gone) end)
      on conflict on constraint audit_erasure_pkey do update
      set fields = excluded.fields, opening = coalesce(excluded.opening, e.opening),
        erased_by = session_user, erased_at = clock_timestamp(), scrubbed_at = null;
      changed_seqs := changed_seqs || one.seq;
      changed_ids := changed_ids || one.id;
    end loop;
    if cardinality(ids) > 0 then
      perform audit.blank_entries(at_place.place, ids);
    end if;
  end loop;
  select min(s) into missing
  from (select unnest(seqs) except select unnest(found_seqs)) as t (s);
  if missing is not null then
    raise exception 'there is no entry %', missing
      using errcode = 'no_data_found', schema = 'audit', table = 'audit_log', column = 'seq';
  end if;
  if cardinality(changed_seqs) = 0 then
    return;
  end if;
  perform audit.changed_behind(
    (select range_agg(int8range(s, s, '[]')) from unnest(changed_seqs) as s));
  perform audit.forget_labels(changed_seqs);
  perform audit.forget_makers(changed_ids);
  if is_sealed then
    perform audit.forget_salts(
      (select range_agg(int8range(s, s, '[]')) from unnest(changed_seqs) as s where s <= sealed_through));
  end if;
  perform audit.put_ours(
    'audit.erase', null,
    jsonb_build_object(
      'seqs', audit.seq_runs(changed_seqs),
      'entries', (select count(distinct s) from unnest(changed_seqs) as s),
      'fields', to_jsonb(wanted),
      'reason', said
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return query
    select e.seq, e.id, e.fields from audit.audit_erasure as e
    where e.seq = any(changed_seqs) order by e.seq;
end
$$;
--> statement-breakpoint
-- Erases fields of entries: empties them in the log and in each copy of it in this schema, for good, and
-- notes which ones in audit.audit_erasure. Everything else of the entries stays. It leaves an entry
-- "audit.erase" with the numbers, the fields, the reason and the login. Returns the entries of which
-- something was erased, each with all of its fields that are erased by now. What was erased before is
-- left out, so a call that is repeated does no harm.
--
-- - It raises for a number that is nowhere (P0002), for one of the product's own entries that must stay
--   (22023), and for an entry that a legal hold is about (55006, with the hold as the constraint). Then
--   nothing was erased.
-- - It is one transaction of at most 10,000 entries. To erase more, call it again.
-- - Nothing may copy entries meanwhile: it holds the row that each step of retention and each restore of
--   an archive locks, and the one that a maker of partitions locks. It fails with 55P03 where it did
--   not get one of them. Then try again.
-- - Where the log is sealed, it raises 55000 for an entry that is not sealed yet, as if it named the table
--   audit_checkpoint: then try again. What proves the entry without the erased values is kept, and its
--   salt becomes zero. Where it is not sealed, no sealer begins meanwhile.
-- - audit_hold is locked before it is looked at, so that no hold is placed between the look and the end.
CREATE OR REPLACE FUNCTION "audit"."erase"(
  "seqs" bigint[], "fields" text[], "reason" text,
  OUT "seq" bigint, OUT "id" uuid, OUT "erased" text[]
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
  select e.seq, e.id, e.erased from audit.erase_entries(seqs, fields, reason, false) as e
$$;
--> statement-breakpoint
-- The entries with these numbers that are anywhere in the log or in a copy of it: which of their fields
-- hold something, whether they may be erased at all, and the legal hold in force that forbids it.
CREATE OR REPLACE FUNCTION "audit"."find_entries"(
  "seqs" bigint[],
  OUT "seq" bigint, OUT "action" text, OUT "present" text[], OUT "is_erasable" boolean, OUT "hold" uuid
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select distinct on (f.seq) f.seq, f.action, f.present, audit.is_erasable(f.action), f.hold
  from audit.log_places() as p
  cross join lateral audit.entries_in(p.place, seqs, audit.held_condition()) as f
  where coalesce(p.max_seq >= (select min(s) from unnest(seqs) as s), true)
    and coalesce(p.min_seq <= (select max(s) from unnest(seqs) as s), true)
  order by f.seq, cardinality(f.present) desc
$$;
--> statement-breakpoint
-- The id of the entry with this number, or null where there is none.
CREATE OR REPLACE FUNCTION "audit"."id_of_seq"("number" bigint) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  range record;
  found_id uuid;
begin
  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(number, number) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all.
    execute 'select l.id from audit.audit_log as l where l.seq = $1 and l.id >= $2 '
      'and ($3 is null or l.id < $3) limit 1'
    into found_id using number, range.from_id, range.to_id;
    if found_id is not null then
      return found_id;
    end if;
  end loop;
  return null;
end
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
      'lastId', audit.id_of_seq(head.seq)
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return new_history;
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
-- them from being logged twice. An import does so, too, from its source: what a crash takes from its
-- lane is no gap of the log.
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
    where (p.closed_at is null or coalesce(a.logged, 0) < p.staged)
      and not exists (
        select from audit.audit_import_run as i where i.recorder_id = coalesce(p.id, a.id)
      )
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
-- staged since. And it begins a new history, and a new tree of the seal where there is one: what was
-- sealed after the copy was made may have been published. Returns the new history.
CREATE OR REPLACE FUNCTION "audit"."declare_restored"() RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  new_history uuid;
begin
  -- As after a crash: without it declare_gap() takes the lane for the one that it knows.
  delete from audit.audit_sentinel;
  delete from audit.audit_import_sentinel;
  perform audit.declare_gap();
  new_history := audit.begin_history('audit-relay restored');
  update audit.audit_history as h set is_declared = true where h.history = new_history;
  insert into audit.audit_origin (origin, name, first_seq, history)
  select o.origin + 1,
    case when o.origin = 1 then o.name else left(o.name, -length('/' || o.origin)) end
      || '/' || (o.origin + 1),
    least(audit.sealed_through(), h.seq) + 1, new_history
  from audit.audit_origin as o cross join audit.audit_head as h
  order by o.origin desc limit 1;
  return new_history;
end
$$;
--> statement-breakpoint
-- Erases again what was erased after this copy of the database was made: "erasures" is a list of
-- {id, fields}, as the eraser keeps it outside of the database. Entries are found by their ids, because
-- this copy may have given other numbers to them. What waits in a lane is emptied there.
--
-- It belongs into the transaction of audit.declare_restored(): that keeps every relay from moving what
-- waits in the lanes, and the lock of the checkpoints keeps every sealer from sealing what it has read
-- before. Returns how many entries were erased and how many were emptied in a lane, the numbers of those
-- that a legal hold of this copy is about, which stay, and how many entries this copy does not have.
CREATE OR REPLACE FUNCTION "audit"."erase_again"(
  "erasures" json, "reason" text,
  OUT "erased" bigint, OUT "staged" bigint, OUT "held" bigint[], OUT "absent" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
declare
  at_once constant integer := 5000;
  ids uuid[];
  found_seqs bigint[] := '{}';
  found_ids uuid[] := '{}';
  staged_ids uuid[] := '{}';
  here record;
  part record;
  place text;
begin
  lock table audit.audit_checkpoint in share mode;
  erased := 0;
  staged := 0;
  held := '{}';
  select array_agg(e.id) into ids from json_to_recordset(erasures) as e (id uuid);
  for place in select p.place::text from audit.log_places() as p loop
    execute format('select array_agg(r.seq) as seqs, array_agg(r.id) as ids from %s as r where r.id = any($1)',
      place) into here using ids;
    found_seqs := found_seqs || here.seqs;
    found_ids := found_ids || here.ids;
  end loop;

  for part in
    with asked as (
      select e.id, array(
        select f from unnest(audit.erasure_fields()) with ordinality as w (f, n)
        where f = any(array(select json_array_elements_text(e.fields))) order by n) as fields
      from json_to_recordset(erasures) as e (id uuid, fields json)
    ),
    found as (
      select distinct f.seq, a.fields
      from unnest(found_seqs, found_ids) as f (seq, id) join asked as a on a.id = f.id
    ),
    placed as (
      select f.*, (row_number() over (partition by f.fields order by f.seq) - 1) / at_once as part
      from found as f
    )
    select p.fields, array_agg(p.seq order by p.seq) as seqs
    from placed as p where cardinality(p.fields) > 0 group by p.fields, p.part
  loop
    held := held || array(select f.seq from audit.find_entries(part.seqs) as f where f.hold is not null);
    part.seqs := array(select unnest(part.seqs) except select unnest(held) order by 1);
    if cardinality(part.seqs) > 0 then
      erased := erased + (
        select count(*) from audit.erase_entries(part.seqs, part.fields, reason, true));
    end if;
  end loop;

  foreach place in array array['audit.audit_staging', 'audit.audit_outbox', 'audit.audit_import'] loop
    execute format($query$
      with emptied as (
        update %s as l set
          user_id = case when 'user_id' = any(e.fields) then null else l.user_id end,
          actor_id = case when 'actor_id' = any(e.fields) then null else l.actor_id end,
          target_id = case when 'target_id' = any(e.fields) then null else l.target_id end,
          more_targets = case when 'more_targets' = any(e.fields) then null else l.more_targets end,
          request_id = case when 'request_id' = any(e.fields) then null else l.request_id end,
          metadata = case when 'metadata' = any(e.fields) then '{}' else l.metadata end,
          context = case when 'context' = any(e.fields) then '{}' else l.context end
        from (
          select r.id, array(select json_array_elements_text(r.fields)) as fields
          from json_to_recordset($1) as r (id uuid, fields json)
        ) as e
        where e.id = l.id and l.id <> all($2)
        returning l.id
      )
      select array_agg(m.id) as ids from emptied as m
      $query$, place) into here using erasures, found_ids;
    staged_ids := staged_ids || here.ids;
  end loop;
  staged := cardinality(staged_ids);
  if staged > 0 then
    perform audit.forget_makers(staged_ids);
    perform audit.put_ours(
      'audit.erase', null,
      jsonb_build_object('entries', staged, 'ids', to_jsonb(staged_ids[:1000]), 'reason', reason),
      jsonb_build_object('databaseLogin', session_user)
    );
  end if;
  select count(*) into absent
  from (select unnest(ids) except select unnest(found_ids) except select unnest(staged_ids)) as a;
end
$$;
--> statement-breakpoint
-- An SQL/JSON path that finds a user's id in a document, by the rules of "audit-relay export --about":
-- a text or a name in an object that is the id; a number of the same digits; and within a longer text,
-- where the id has 16 characters or more.
CREATE OR REPLACE FUNCTION "audit"."naming_path"("user_id" text) RETURNS jsonpath
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  ids_are_text constant boolean :=
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype;
  literal constant text := to_json(user_id)::text;
  names text := case when char_length(user_id) >= 16
    then format('like_regex %s flag "%s"', literal, case when ids_are_text then 'q' else 'iq' end)
    else format('== %s', literal) end;
begin
  return format(
    '$.** ? (@ %1$s %2$s|| (@.type() == "object" && exists(@.keyvalue() ? (@.key %1$s))))',
    names, case when user_id ~ '^(0|-?[1-9][0-9]*)$' then format('|| @ == %s ', user_id) else '' end
  )::jsonpath;
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
    when 'more_targets' then 100 -- targets beyond the first
    when 'levels' then 32 -- of objects and arrays in one another; metadata itself is the first
    when 'action_characters' then 128
    when 'text_characters' then 256 -- of entity_type, request_id and a kept invalid id
    when 'letter_characters' then 65536 -- kept of an entry that is longer than entry_bytes
    when 'ahead_ms' then 86400000 -- by which an id's time may be later than the database's clock
    when 'count' then 9007199254740991 -- a recorder's numbers: JavaScript counts no further
  end
$$;
--> statement-breakpoint
-- What context.invalid keeps of a text that was given for a field, and the marks that say so.
CREATE OR REPLACE FUNCTION "audit"."kept_text"(
  "field" text, "given" text, OUT "invalid" jsonb, OUT "marks" text[]
)
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select
    case when given is null then '{}'
      else jsonb_build_object(field, left(given, audit.bound('text_characters')::integer)) end,
    case
      when given is null then '{}'
      when length(given) > audit.bound('text_characters')
        then array[field || '.invalid', field || '.truncated']
      else array[field || '.invalid']
    end
$$;
--> statement-breakpoint
-- Takes apart what was written in one: accesstoken, passwordnew, apikey. As split() in
-- src/redact/secret-keys.ts does, with the lists of secret_words().
CREATE OR REPLACE FUNCTION "audit"."split_word"("word" text, "lists" jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  kinds constant jsonb := lists -> 'words';
  stem text;
  ending text;
  known jsonb;
  rest text;
  found_word text;
begin
  if length(word) <= 5 or word !~ (lists ->> 'parts') or kinds ->> word ~ '[PT]' then
    return array[word];
  end if;
  for stem in select s from jsonb_array_elements_text(lists -> 'stems') as s loop
    continue when length(stem) = length(word);
    if starts_with(word, stem) then
      rest := substr(word, length(stem) + 1);
      if coalesce(kinds ->> rest, '') ~ '[VD]' then
        return array[stem, rest];
      end if;
    end if;
    if length(word) > length(stem) and right(word, length(stem)) = stem then
      return audit.split_word(left(word, -length(stem)), lists) || stem;
    end if;
  end loop;
  for ending, known in
    select e ->> 0, e -> 1
    from jsonb_array_elements(lists -> 'ends') with ordinality as t (e, n) order by n
  loop
    continue when length(word) < length(ending) or right(word, length(ending)) <> ending;
    rest := left(word, -length(ending));
    if not known ? rest and coalesce(kinds ->> rest, '') !~ '[PT]' then
      -- dbaccesskey has a word more in front.
      select k into found_word
      from jsonb_array_elements_text(known) with ordinality as t (k, n)
      where length(k) > 3 and length(k) <= length(rest) and right(rest, length(k)) = k
      order by n limit 1;
      continue when found_word is null;
      return array[left(rest, length(rest) - length(found_word)), found_word, ending];
    end if;
    return case rest
      when 'creditcard' then array['credit', 'card', ending]
      when 'accesskey' then array['access', 'key', ending]
      else array[rest, ending]
    end;
  end loop;
  return array[word];
end
$$;
--> statement-breakpoint
-- A name's words in lower case: X-API-Key, dbPasswordNew, client_secret, accesstoken. As wordsOf() in
-- src/redact/secret-keys.ts does. Accents and invisible characters are dropped, and letters of other
-- scripts become the Latin ones that they resemble, where the database's encoding is UTF8.
CREATE OR REPLACE FUNCTION "audit"."name_words"("name" text, "lists" jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  plain text := name;
  part text;
  words text[] := '{}';
begin
  if octet_length(name) > length(name) and current_setting('server_encoding') = 'UTF8' then
    plain := regexp_replace(
      normalize(name, nfkd),
      $re$[\u0300-\u036f\u00ad\u061c\u180e\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\ufeff]$re$,
      '', 'g');
    plain := translate(plain, (
      select string_agg(chr(c::integer), '' order by n)
      from jsonb_array_elements_text(lists -> 'lookalikes' -> 'from') with ordinality as t (c, n)
    ), lists -> 'lookalikes' ->> 'to');
    plain := regexp_replace(plain, $re$[\u00df\u1e9e]$re$, 'ss', 'g');
    plain := regexp_replace(plain, $re$[\u00e6\u00c6]$re$, 'ae', 'g');
  end if;
  for part in
    select m[1]
    from regexp_matches(
      plain, '[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|[A-Z]|[0-9]+' collate "C", 'g') as m
  loop
    words := words || audit.split_word(lower(part collate "C"), lists);
  end loop;
  return words;
end
$$;
--> statement-breakpoint
-- Made from src/redact by "npm run schema:make".
-- The words of which names of secrets are made, each with the letters of its lists. A function that
-- calls this or one of its readers pins its search_path: a setting of their own would cost more than
-- they do.
CREATE OR REPLACE FUNCTION "audit"."secret_words"() RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select $json${"words":{"a":"V","accepted":"D","access":"OK","accessor":"I","account":"KWD","action":"DI",
"actions":"DI","activation":"O","active":"DI","actor":"DI","actual":"V","address":"DI",
"adgangskode":"P","adm":"W","admin":"KW","aes":"K","after":"V","again":"V","age":"D","alg":"DI",
"algo":"D","algorithm":"DI","allow":"A","allowed":"D","allows":"A","alt":"V","altes":"V",
"amount":"D","amqp":"W","ancien":"V","annotations":"I","anthropic":"K","antiga":"V","api":"KW",
"apitoken":"T","app":"KW","application":"K","are":"A","argon2":"V","arn":"DI","at":"DI",
"attempt":"D","attempts":"D","atual":"V","aud":"DI","audience":"DI","audio":"H","audit":"D",
"auth":"OK","authentication":"OK","authorisation":"OT","authorization":"OTK","auxiliary":"V",
"aws":"V","azp":"DI","b":"V","b64":"V","backend":"D","backup":"OKV","balance":"DI","banner":"D",
"base":"V","base64":"V","basic":"W","bcrypt":"V","bearer":"T","bearer_type":"D","before":"V",
"behavior":"D","behaviour":"D","binary":"V","board":"D","body":"V","bos":"H","bot":"K",
"brand":"DI","broker":"W","bucket":"D","budget":"HD","by":"DI","bytes":"V","cached":"H",
"can":"A","cancellation":"H","card":"K","category":"DI","cert":"W","chain":"D","chainid":"D",
"challenge":"D","change":"HD","changed":"DI","changes":"D","check":"D","checker":"D",
"checks":"D","ci":"W","cipher":"K","class":"DI","clave":"P","clear":"V","cleartext":"V",
"client":"KLDI","column":"D","comment":"D","completion":"H","complexity":"D","concurrency":"H",
"confirm":"WV","confirmation":"OV","confirmed":"V","consent":"D","consistency":"H",
"consumer":"K","content":"V","continuation":"H","contract":"D","contrasena":"P",
"contrasenas":"Q","contrasenha":"P","contrasenia":"P","cookie":"KV","copy":"V","cost":"D",
"count":"HDI","country":"D","counts":"D","created":"DI","created_by":"D","creation":"H",
"creator":"I","cred":"M","credential":"T","credentials":"M","creds":"M","crypto":"K","csc":"C",
"current":"WV","cursor":"H","cvc":"CO","cvn":"C","cvv":"CO","data":"KV","database":"WD",
"date":"DI","datetime":"D","days":"D","db":"WD","dec":"V","decimals":"DI","decision":"D",
"decrypt":"K","decrypted":"V","decryption":"K","dedup":"H","deduplication":"H","default":"V",
"deleted":"DI","denied":"D","deploy":"K","der":"V","des":"K","desc":"D","description":"DI",
"design":"H","details":"D","dev":"KV","developer":"K","device":"OD","did":"A","digest":"V",
"digits":"D","dir":"D","disable":"A","disabled":"DI","display":"I","displayname":"I","does":"A",
"domain":"DI","duration":"D","elevated":"H","email":"WDI","emergency":"O","enable":"A",
"enabled":"DI","enabledat":"D","enables":"A","enc":"V","encoded":"V","encrypt":"K",
"encrypted":"V","encrypting":"K","encryption":"K","endpoint":"DI","endpoints":"D","engine":"D",
"enrollment":"K","entity":"DI","env":"D","environment":"DI","eos":"H","erc":"H","erc20":"H",
"error":"D","errors":"D","estimated":"H","event":"D","events":"D","evidence":"DI","exists":"D",
"exp":"DI","exp_month":"D","expiration":"DI","expire":"D","expired":"DI","expires":"DI",
"expiring":"D","expiry":"DI","fa":"O","factor":"O","failures":"D","field":"D","field_value":"V",
"fields":"D","file":"D","file64":"V","filename":"D","files":"D","fingerprint":"DI","first":"V",
"flow":"D","for":"V","foreign":"U","forgot":"A","format":"DI","four":"DI","from":"V","ftp":"W",
"functions":"K","geheim":"T","geheimcode":"C","geheimnis":"T","geheimzahl":"C","generation":"D",
"generator":"D","geslo":"P","github":"V","gitlab":"V","google":"K","gpg":"K","grant":"D",
"granted":"D","grants":"D","group":"D","guid":"DI","has":"A","hash":"V","hashed":"V",
"hashes":"V","hasla":"P","haslo":"P","have":"A","header":"V","hesla":"P","heslo":"P","hex":"V",
"hidden":"U","hide":"A","hint":"D","hints":"D","history":"D","hmac":"TKV","host":"KDI",
"hostname":"DI","hotp":"C","hours":"D","http":"W","iat":"I","id":"DI","idempotency":"H",
"idempotent":"H","ids":"DI","if":"A","image":"H","imap":"W","in":"I","index":"D","info":"D",
"ingest":"K","initial":"V","input":"HV","instrumentation":"K","integration":"K","interval":"D",
"invalid":"U","ip":"D","is":"VA","iss":"DI","issued":"DI","issuer":"DI","issuers":"DI",
"jelszava":"P","jelszo":"P","jeton":"T","jetons":"M","jks":"V","jsessionid":"T","json":"V",
"jti":"DI","jwt":"TK","jwts":"M","katasandi":"P","kennwort":"P","kennworter":"Q","key":"W",
"key2":"D","keystore":"W","khau":"P","kid":"I","kind":"DI","kodeord":"P","label":"DI",
"labels":"I","last":"DI","last4":"DI","ldap":"W","len":"D","length":"DI","level":"DI",
"lexer":"H","licence":"K","license":"K","license2":"K","lifetime":"D","limit":"HDI","limits":"D",
"link":"D","literal":"V","live":"V","local":"V","location":"D","lock":"H","login":"OWD",
"losen":"P","losenord":"P","lozinka":"P","mail":"WDI","mailgun":"K","main":"V","manager":"D",
"maps":"K","marker":"H","masked":"U","master":"KW","masterauth":"P","max":"HD","maxage":"D",
"maximum":"D","md5":"V","mdp":"P","merchant":"K","message":"DI","metadata":"DI","method":"DI",
"methods":"D","mfa":"O","mima":"P","min":"HD","minimum":"D","minutes":"D","missing":"DU",
"mode":"D","modified":"DI","mongo":"W","mongodb":"W","month":"DI","motdepasse":"P",
"motpasse":"P","motsdepasse":"Q","mpin":"C","ms":"D","must":"A","my":"W","mysql":"W","name":"DI",
"names":"DI","namespace":"I","nbf":"I","need":"A","needs":"DA","network":"DI","neu":"V",
"neue":"V","neues":"V","new":"WV","next":"HV","nft":"H","nieuw":"V","no":"A","note":"D",
"notes":"D","notice":"D","nouveau":"V","nova":"V","novo":"V","nueva":"V","nuevo":"V","num":"H",
"number":"D","old":"WV","on":"DI","one":"V","openai":"K","optional":"D","ora":"W","oracle":"W",
"original":"V","orphan":"I","otp":"COK","otps":"C","oud":"V","output":"H","owner":"DI",
"owners":"D","pad":"H","page":"H","pagination":"H","paging":"H","parola":"P","parolata":"P",
"parole":"P","parool":"P","parser":"H","partner":"K","pass":"O","passcode":"P","passcodes":"Q",
"passord":"P","passphrase":"P","passphrases":"Q","passw":"P","passwd":"P","passwds":"Q",
"passwoerter":"Q","password":"P","passwordreset":"O","passwords":"Q","passwort":"P",
"passworter":"Q","passwortneu":"P","passwrd":"P","path":"DI","paths":"D","pem":"V",
"permission":"DI","permissions":"DI","pg":"W","pgp":"K","pgsql":"W","phpsessid":"T","pin":"CO",
"pincode":"C","pins":"C","pkcs12":"V","pkcs8":"V","plain":"V","plaintext":"V","platform":"D",
"point":"D","points":"D","policies":"DI","policy":"DI","port":"DI","position":"H","postgres":"W",
"pre":"K","preference":"D","preferences":"D","prefix":"DI","present":"D","preshared":"K",
"prev":"WHV","previous":"HV","price":"D","primary":"V","principal":"DI","principalid":"DI",
"priv":"K","private":"K","prod":"V","production":"V","progress":"H","project":"D","prompt":"H",
"protocol":"D","provider":"DI","providers":"D","provisioning":"K","proxy":"W","psk":"K",
"psw":"P","pswd":"P","pub":"DU","public":"DU","publishable":"U","puk":"C","purpose":"I","pw":"P",
"pwd":"P","pwds":"Q","pword":"P","pws":"Q","quality":"D","quota":"D","rabbitmq":"W","rate":"D",
"raw":"V","reason":"DI","reasoning":"H","recovery":"OK","redacted":"U","redis":"W","ref":"D",
"reference":"D","refs":"D","region":"DI","registration":"K","remaining":"HD","remote":"V",
"renewable":"I","repeat":"V","repeated":"V","request":"LD","requests":"D","require":"A",
"required":"DAI","requirement":"D","requirements":"D","requirepass":"P","requires":"DA",
"rescue":"O","reset":"OD","reset2":"V","resets":"D","resource":"D","response":"D",
"responses":"D","resume":"H","retries":"D","retype":"V","review":"D","revoked":"DI","role":"KDI",
"roles":"DI","root":"KW","rotated":"DI","rotation":"D","rpc":"W","rsa":"K","rule":"D",
"rules":"D","salasana":"P","salt":"V","salted":"V","sandbox":"V","sandi":"P","santa":"D",
"sas":"TK","scope":"DI","scopes":"DI","score":"D","scratch":"O","scrypt":"V","seal":"K",
"second":"V","secondary":"V","seconds":"D","secret":"TK","secreto":"T","secretos":"M",
"secrets":"M","security":"OK","segreto":"T","sendgrid":"K","senha":"P","senhas":"Q",
"senhas2":"P","sequence":"H","server":"K","service":"KD","sessid":"T","session":"K","set":"D",
"settings":"D","sftp":"W","sha1":"V","sha256":"V","sha512":"V","shared":"K","should":"A",
"show":"A","shows":"A","sifre":"P","sign":"K","signature":"K","signin":"O","signing":"K",
"since":"D","size":"DI","skip":"HA","slack":"V","slaptazodis":"P","sms":"O","smtp":"W",
"source":"DI","sql":"W","ssh":"KW","ssl":"KW","staging":"V","standard":"D","start":"H",
"starting":"H","state":"DI","states":"D","status":"DI","stop":"H","storage":"KD","store":"D",
"str":"V","stream":"K","streaming":"K","strength":"DI","string":"V","stripe":"KV","sub":"DI",
"subject":"DI","subscription":"K","success":"D","sudo":"W","suffix":"DI","summary":"D",
"supply":"D","supported":"D","symbol":"DI","symmetric":"K","sync":"H","syntax":"H","table":"D",
"tags":"I","target":"H","temp":"V","temporary":"V","tenant":"DI","test":"V","text":"HV",
"tfa":"O","the":"V","thinking":"H","third":"V","three":"V","thumb":"D","thumbprint":"DI",
"time":"ODI","times":"D","timestamp":"DI","title":"DI","tls":"KW","tmp":"V","to":"V",
"token":"TK","tokens":"M","total":"HDI","totp":"COK","tpin":"C","transfer":"K","tries":"D",
"truststore":"W","ttl":"DI","twilio":"K","two":"V","twofactor":"O","type":"DI","types":"D",
"uid":"DI","unencrypted":"V","unhashed":"V","unlock":"OK","unseal":"K","until":"D",
"updated":"DI","uri":"DI","uris":"D","url":"DI","urls":"D","usage":"HDI","use":"A","used":"HDI",
"user":"WD","userid":"D","username":"DI","users":"D","uses":"A","usr":"W","uuid":"DI","v":"V",
"val":"V","valid":"DI","validated":"D","validation":"D","validator":"D","value":"V",
"value_id":"D","values":"V","vault":"KD","verification":"O","verified":"D","verify":"V",
"version":"DI","versions":"D","via":"D","visible":"D","wachtwoord":"P","wachtwoorden":"Q",
"was":"VA","webhook":"K","were":"A","when":"A","wifi":"KW","window":"D","without":"A","wlan":"W",
"wpa":"K","wrapping":"K","write":"K","wrong":"U","wwoord":"P","x":"V","year":"DI"},
"stems":["authorization","passphrase","credentials","credential","passwords","password",
"passcode","kennwort","passwort","cookies","secrets","passwd","tokens","cookie","secret","token",
"pwd","otp"],
"parts":"^(?:authorization|passphrase|credentials|credential|passwords|password|passcode|kennwort|passwort|cookies|secrets|passwd|tokens|cookie|secret|token|pwd|otp)|(?:authorization|passphrase|credentials|credential|passwords|password|passcode|kennwort|passwort|cookies|secrets|passwd|tokens|cookie|secret|token|pwd|otp|keys|key|codes|code|pass|id|number|response|verifier)$",
"ends":[["keys",["api","access","secret","private","priv","signing","sign","signature",
"encryption","encrypt","encrypting","decryption","decrypt","master","hmac","ssh","account",
"auth","authorization","authentication","subscription","shared","webhook","symmetric","aes",
"des","rsa","wrapping","cipher","crypto","security","admin","app","application","bot","deploy",
"service","server","storage","functions","session","license","licence","integration","write",
"role","data","backup","recovery","unlock","consumer","client","vault","seal","root",
"provisioning","enrollment","registration","instrumentation","ingest","license2","wifi","wpa",
"psk","preshared","unseal","pre","sas","transfer","jwt","cookie","token","totp","otp","card",
"host","gpg","pgp","tls","ssl","developer","dev","merchant","partner","streaming","stream",
"google","maps","stripe","openai","sendgrid","twilio","mailgun","anthropic"]],["key",["api",
"access","secret","private","priv","signing","sign","signature","encryption","encrypt",
"encrypting","decryption","decrypt","master","hmac","ssh","account","auth","authorization",
"authentication","subscription","shared","webhook","symmetric","aes","des","rsa","wrapping",
"cipher","crypto","security","admin","app","application","bot","deploy","service","server",
"storage","functions","session","license","licence","integration","write","role","data","backup",
"recovery","unlock","consumer","client","vault","seal","root","provisioning","enrollment",
"registration","instrumentation","ingest","license2","wifi","wpa","psk","preshared","unseal",
"pre","sas","transfer","jwt","cookie","token","totp","otp","card","host","gpg","pgp","tls","ssl",
"developer","dev","merchant","partner","streaming","stream","google","maps","stripe","openai",
"sendgrid","twilio","mailgun","anthropic"]],["codes",["verification","security","backup",
"recovery","access","reset","auth","authorization","authentication","mfa","fa","tfa","otp",
"totp","login","signin","activation","sms","pin","pass","cvv","cvc","unlock","confirmation",
"device","scratch","authorisation","time","passwordreset","twofactor","factor","rescue",
"emergency"]],["code",["verification","security","backup","recovery","access","reset","auth",
"authorization","authentication","mfa","fa","tfa","otp","totp","login","signin","activation",
"sms","pin","pass","cvv","cvc","unlock","confirmation","device","scratch","authorisation","time",
"passwordreset","twofactor","factor","rescue","emergency"]],["pass",["db","database","user",
"usr","admin","adm","login","smtp","ftp","sftp","mail","email","imap","mysql","pg","pgsql",
"postgres","redis","mongo","mongodb","root","my","new","old","current","prev","confirm","wifi",
"wlan","ssh","sudo","http","proxy","ldap","rabbitmq","ci","app","api","sql","ora","oracle","key",
"keystore","truststore","cert","ssl","tls","amqp","broker","master","account","basic",
"rpc"]],["id",["session","sess","token","secret","accesskey"]],["number",["card",
"creditcard"]],["response",["saml"]],["verifier",["code"]]],
"foreign":"\\u043f\\u0430\\u0440\\u043e\\u043b|\\u0441\\u0435\\u043a\\u0440\\u0435\\u0442|\\u0442\\u043e\\u043a\\u0435\\u043d|\\u5bc6\\u7801|\\u5bc6\\u78bc|\\u53e3\\u4ee4|\\u4ee4\\u724c|\\u5bc6\\u94a5|\\u5bc6\\u9470|\\u30d1\\u30b9\\u30ef\\u30fc\\u30c9|\\u6697\\u8a3c\\u756a\\u53f7|\\u79d8\\u5bc6|\\ube44\\ubc00\\ubc88\\ud638|\\uc554\\ud638|\\ud1a0\\ud070|\\u05e1\\u05d9\\u05e1\\u05de|\\u0643\\u0644\\u0645\\u0629|\\u0e23\\u0e2b\\u0e31\\u0e2a\\u0e1c\\u0e48\\u0e32\\u0e19|\\u03ba\\u03c9\\u03b4\\u03b9\\u03ba|\\u03c3\\u03c5\\u03bd\\u03b8\\u03b7\\u03bc\\u03b1\\u03c4\\u03b9\\u03ba",
"lookalikes":{"from":[1072,1040,1077,1045,1086,1054,1088,1056,1089,1057,1093,1061,1091,1059,1110,1030,1109,1029,1082,1050,1090,1058,1281,1280,1121,1120,1400,1352,959,927,945,913,957,925,322,321,248,216,305],
"to":"aaeeooppccxxyyiisskkttddwwnnooaavvllooi"}}$json$::jsonb
$$;
--> statement-breakpoint
-- Whether a name is one of those that identify or describe, as identifies() in
-- src/redact/secret-keys.ts: id, createdAt, userName, scopes. Under a secret name, what is under these
-- stays.
CREATE OR REPLACE FUNCTION "audit"."names_identity"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select coalesce(lists -> 'words' ->> (
    select w from unnest(audit.name_words(right(name, 96), lists)) with ordinality as t (w, n)
    where w !~ '^[0-9]+$' order by n desc limit 1
  ), '') ~ 'I'
  from audit.secret_words() as lists
$$;
--> statement-breakpoint
-- Whether this number under a name of this kind has to be hidden, as hidesNumber() in
-- src/redact/secret-values.ts says it. Counts stay, and 0 says none.
CREATE OR REPLACE FUNCTION "audit"."hides_number"("kind" text, "value" numeric) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case
    when value = 0 then false
    when value <> trunc(value) then kind = 'password'
    when kind in ('password', 'code') then true
    else kind = 'token' and (value > 999 or value < 0)
  end
$$;
--> statement-breakpoint
-- Whether this text under a name of this kind has to be hidden, as hidesText() in
-- src/redact/secret-values.ts says it.
CREATE OR REPLACE FUNCTION "audit"."hides_text"("kind" text, "given" text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  value constant text := btrim(given, chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || ' ');
  is_reference boolean;
  is_prose boolean;
  has_id boolean;
  is_uuid boolean;
begin
  if length(given) > 1024 then
    return true;
  end if;
  if value = '' or value ~* $re$^(?:yes|no|true|false|null|nil|none|undefined|n/a|on|off|unset|empty|optional|required|enabled|disabled|allowed|denied|-)\Z$re$
    or value ~* $re$^(?:[*\u2022\u00b7\u2026#.x_-]{3,}|[[<({*]*(?:hidden|masked|redacted|filtered|removed|omitted|censored|sanitized|scrubbed)(?:_[A-Z_]+)?[\])>}*]*|.{0,6}[*\u2022]{4,}.{0,6})\Z$re$
  then
    return false;
  end if;
  is_reference := value ~ $re$^(?:(?:AKIA|ASIA|AROA|AIDA)[A-Z0-9]+(?:/|%2F|$)|arn:|projects/|vault:|op://|secretref:|ssm:|keyvault:|\$\{\{?[^}]*\}?\}$|\$[A-Z_]+$|\{\{[^}]*\}\}$|process\.env\.|env[.:]|ssh-(?:rsa|ed25519|dss) |ecdsa-sha2-|-----BEGIN (?:PUBLIC KEY|CERTIFICATE|RSA PUBLIC)|https?://[^?@]*$|urn:)$re$ collate "C";
  is_prose := value ~ $re$^[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\ud7ff\uf900-\ufdff\uff21-\uffdc'\u2019-]+(?:[ ,.]+[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\ud7ff\uf900-\ufdff\uff21-\uffdc'\u2019-]+){2,}[.!?]?\Z$re$ collate "C";
  is_uuid := value ~* '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' collate "C";
  has_id := value ~ '^[A-Za-z@.]+[-_.][0-9a-f]{8,20}$' collate "C"
    or value ~* '[0-9a-f]{8}-[0-9a-f]{4}-' collate "C";
  case kind
    when 'password', 'passwords' then
      return not is_reference;
    when 'code' then
      return not (length(value) >= 3 and value ~ '^(?:[a-z]+|[A-Z][a-z]+)$' collate "C")
        and not is_prose;
    when 'token' then
      return not (is_reference or is_prose or value ~ '^[0-9]{1,3}$');
    when 'many' then
      return not (
        is_reference or is_prose or value ~ '^[0-9]+$'
        or value ~* $re$^(?:read|write|admin|none|all|view|edit|list|get|full|owner|read[_ -]?only|read[_ -]?write)\Z$re$
        or (length(value) between 3 and 6 and value ~ '^[A-Z]+$' collate "C")
      );
    when 'pass' then
      return value !~ '[[:space:]]'
        and value !~ $re$^[0-9]{1,3}$|^[A-Z][a-z\u00df-\u024f]*$|^[A-Z]{2,5}\Z$re$ collate "C";
    when 'cookie' then
      return not (length(value) >= 3 and value ~ $re$^[A-Za-z\u00aa\u00b5\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u1fff\u2c00-\u2dff\u3005-\ud7ff\uf900-\ufdff\uff21-\uffdc]+\Z$re$ collate "C")
        and not (is_prose and strpos(value, '=') = 0);
    when 'session' then
      return not is_uuid and not starts_with(value, 'arn:') and (
        value ~ '^s(?::|%3A)'
        or (length(value) >= 26 and value ~ '^[A-Za-z0-9_+/=.%~-]+$' collate "C" and not has_id)
      );
    when 'maybe' then
      return length(value) >= 12
        and value ~ '^[A-Za-z0-9_+/=.%~!@#$^&*:-]+$' collate "C"
        and not (is_uuid or has_id or is_reference)
        and value !~* $re$^[0-9]{4}-[0-9][0-9]-[0-9][0-9]|^[0-9]+(?:\.[0-9]+)+$|@[a-z0-9_-]+\.|^#[0-9a-f]{3,8}\Z$re$ collate "C"
        and value ~ '[0-9]' and value ~ '[A-Za-z]' collate "C"
        and (
          select count(*)
          from regexp_matches(value, '[A-Za-z][0-9]|[0-9][A-Za-z]|[a-z][A-Z]' collate "C", 'g')
        ) >= 3;
  end case;
end
$$;
--> statement-breakpoint
-- What the words after the secret word make of it: passwordNew, passwordChangedAt. As afterCore() in
-- src/redact/secret-keys.ts.
CREATE OR REPLACE FUNCTION "audit"."kind_after"("core" text, "after" text[], "kinds" jsonb)
RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  is_value constant boolean := coalesce(after[cardinality(after)], '')
    ~ '^(?:val|value|plaintext|cleartext)s?$';
  kind text := core;
  word text;
begin
  foreach word in array after loop
    continue when word ~ '^[0-9]+$' or kinds ->> word ~ 'V';
    continue when word = 'number' and core = 'code';
    if kinds ->> word ~ 'D' and not is_value then
      return null;
    end if;
    kind := case when core in ('password', 'passwords') then 'pass' else 'maybe' end;
  end loop;
  return kind;
end
$$;
--> statement-breakpoint
-- Lower case of Cyrillic and Greek letters, whatever the database's locale is. Its encoding is UTF8.
CREATE OR REPLACE FUNCTION "audit"."lower_foreign"("name" text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select translate(name, string_agg(chr(n), '' order by n), string_agg(chr(n + 32), '' order by n))
  from (select generate_series(1040, 1071) union all select generate_series(913, 937)) as upper (n)
  where n <> 930
$$;
--> statement-breakpoint
-- Made from src/redact by "npm run schema:make".
-- Whether a name has to be taken apart, because it holds a part of every name of a secret.
CREATE OR REPLACE FUNCTION "audit"."may_name_secret"("name" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select name ~* $re$pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\u0001-\u007f]$re$ collate "C"
$$;
--> statement-breakpoint
-- What a name says about its value, as secretKindOf() in src/redact/secret-keys.ts says it: password,
-- passwords, code, token, many, pass, cookie, session or maybe. Null: nothing secret. A test holds
-- the two together.
CREATE OR REPLACE FUNCTION "audit"."secret_kind"("name" text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  ending constant text := right(name, 96);
  lists jsonb;
  kinds jsonb;
  words text[];
  word text;
  before text;
  of_word text;
  of_before text;
  asks boolean;
  are_harmless boolean[] := '{}';
  are_calls boolean[] := '{}';
  is_harmless boolean;
  core text;
begin
  if not audit.may_name_secret(ending) then
    return null;
  end if;
  lists := audit.secret_words();
  if octet_length(ending) > length(ending) and current_setting('server_encoding') = 'UTF8'
    and audit.lower_foreign(ending) ~ (lists ->> 'foreign')
  then
    return 'password';
  end if;
  kinds := lists -> 'words';
  words := audit.name_words(ending, lists);
  if ending ~* 'client_token$' collate "C" then
    return 'token';
  end if;
  -- Of the words before each: whether one is harmless, and whether all are those of calls.
  asks := coalesce(kinds ->> words[1], '') ~ 'A';
  for at in 1..cardinality(words) loop
    before := words[at - 1];
    of_before := coalesce(kinds ->> before, '');
    are_harmless[at] := at > 1 and (asks or are_harmless[at - 1] or of_before ~ 'U');
    are_calls[at] := at = 1 or (are_calls[at - 1] and of_before ~ 'L');
  end loop;
  for at in reverse cardinality(words)..1 loop
    word := words[at];
    before := words[at - 1];
    of_word := coalesce(kinds ->> word, '');
    of_before := coalesce(kinds ->> before, '');
    is_harmless := are_harmless[at];
    core := case
      when of_word ~ 'P' then case when is_harmless then 'harmless' else 'password' end
      when of_word ~ 'Q' then case when is_harmless then 'harmless' else 'passwords' end
      when word = 'passe' and 'mot' = any (words) then 'password'
      when word = 'sena' and before = 'contra' then 'password'
      when word in ('code', 'codes') then case when of_before ~ 'O' then 'code' end
      when word = 'verifier' and before = 'code' then 'token'
      when word = 'number' and before = 'card' then 'code'
      when of_word ~ 'C' then case when is_harmless then 'harmless' else 'code' end
      when word in ('token', 'tokens') then case
        when of_before ~ 'H' then 'harmless'
        when at > 1 and are_calls[at] then case when before = 'request' and at = 2 then 'token' else 'harmless' end
        when is_harmless then 'harmless'
        when word = 'tokens' then 'many'
        else 'token' end
      when word = 'credential' and before in ('amz', 'goog') then 'harmless'
      when of_word ~ 'T' then case when is_harmless then 'harmless' else 'token' end
      when of_word ~ 'M' then case when is_harmless then 'harmless' else 'many' end
      when word in ('key', 'keys') then case
        when before is null then null
        when before in ('primary', 'secondary') then case when at = 2 then 'maybe' end
        when of_before !~ 'K' then null
        when is_harmless then 'harmless'
        when word = 'keys' then 'many'
        else 'token' end
      when word = 'pass' then case when at = 1 then 'pass' when of_before ~ 'W' then 'password' end
      when word in ('cookie', 'cookies') then case when is_harmless then 'harmless' else 'cookie' end
      when word = 'id' and before in ('session', 'sess') then 'session'
      when word = 'sid' then case when before = 'connect' then 'token' when at = 1 then 'maybe' end
      when word in ('session', 'auth') then case when at = cardinality(words) then 'maybe' end
      when word in ('response', 'assertion') and 'saml' = any (words) then 'token'
    end;
    continue when core is null;
    if core = 'harmless' then
      return null;
    end if;
    return audit.kind_after(core, words[at + 1:], kinds);
  end loop;
  return null;
end
$$;
--> statement-breakpoint
-- A document without the values of keys that name secrets, at whatever depth, and the paths of those
-- values. "kind" is what the name says under which it stands, if that is a secret: what identifies
-- stays there, all else is one. Texts are not searched, as the library does.
CREATE OR REPLACE FUNCTION "audit"."censor"(
  "given" jsonb, "path" text, "kind" text, OUT "clean" jsonb, OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE AS $$
declare
  is_object constant boolean := jsonb_typeof(given) = 'object';
  child record;
  own text;
  inner_kind text;
  under record;
  place text;
  made jsonb;
  keys text[] := '{}';
  parts jsonb[] := '{}';
begin
  paths := '{}';
  for child in
    select e.key, e.value, 0 as at from jsonb_each(case when is_object then given else '{}' end) as e
    union all
    select null, e.value, e.n - 1
    from jsonb_array_elements(case when is_object then '[]' else given end)
      with ordinality as e (value, n)
    order by at
  loop
    place := path || case when is_object then '.' || child.key else format('[%s]', child.at) end;
    own := kind;
    inner_kind := kind;
    if is_object then
      own := audit.secret_kind(child.key);
      if own is null and kind is not null then
        own := kind;
        if audit.names_identity(child.key) then
          own := null;
          inner_kind := null;
        end if;
      end if;
    end if;
    made := child.value;
    case jsonb_typeof(child.value)
      when 'object', 'array' then
        under := audit.censor(child.value, place, case
          when own is null or own in ('session', 'maybe', 'pass') then inner_kind
          else own end);
        made := under.clean;
        paths := paths || under.paths;
      when 'string' then
        if own is not null and audit.hides_text(own, child.value #>> '{}') then
          made := '"[Redacted]"';
          paths := paths || place;
        end if;
      when 'number' then
        if own is not null and audit.hides_number(own, (child.value)::numeric) then
          made := '"[Redacted]"';
          paths := paths || place;
        end if;
      else
        null;
    end case;
    keys := keys || child.key;
    parts := parts || made;
  end loop;
  clean := case
    when is_object then (
      select coalesce(jsonb_object_agg(k, v), '{}') from unnest(keys, parts) as t (k, v))
    else (
      select coalesce(jsonb_agg(v order by n), '[]') from unnest(parts) with ordinality as t (v, n))
  end;
end
$$;
--> statement-breakpoint
-- Reads an id given as text as a uuid. Returns null where it does not have a uuid's usual form.
CREATE OR REPLACE FUNCTION "audit"."uuid_or_null"("id" text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case when id ~* '^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$' then id::uuid end
$$;
--> statement-breakpoint
-- Reads what was given for an id. An object gives its id, and is marked. A number is taken by its
-- digits where it is written as digits alone. What the columns cannot hold is kept in "invalid" under
-- the field's name, cut, and marked, without the secrets that stand at "paths". Text columns hold any
-- text; a longer one than the bound is cut.
CREATE OR REPLACE FUNCTION "audit"."read_id"(
  "given" json, "field" text, "ids_are_text" boolean,
  OUT "id" text, OUT "invalid" jsonb, OUT "marks" text[], OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  own json := given;
  is_value boolean := true;
  value text;
  is_id boolean;
  kept record;
  seen record;
begin
  invalid := '{}';
  marks := '{}';
  paths := '{}';
  if json_typeof(given) = 'object' then
    if json_typeof(given -> 'id') in ('string', 'number') and given ->> 'id' <> '' then
      own := given -> 'id';
      marks := array[field || '.object'];
    else
      seen := audit.censor(given::jsonb, field, null);
      own := seen.clean;
      paths := seen.paths;
      is_value := false;
    end if;
  end if;
  value := nullif(own #>> '{}', '');
  if value is null then
    return;
  end if;
  is_id := case
    when not ids_are_text then audit.uuid_or_null(value) is not null
    when json_typeof(own) = 'number' then value ~ '^(?:0|-?[1-9][0-9]*)$'
    else is_value and json_typeof(own) = 'string'
  end;
  if not is_id then
    kept := audit.kept_text(field, value);
    invalid := kept.invalid;
    marks := marks || kept.marks;
    return;
  end if;
  id := left(value, audit.bound('text_characters')::integer);
  if id <> value then
    marks := marks || (field || '.truncated');
  end if;
end
$$;
--> statement-breakpoint
-- An id that was given for a hold, as the log's columns print it. It raises for one that no entry can
-- have: such a hold would hold nothing.
CREATE OR REPLACE FUNCTION "audit"."hold_id"("given" text, "field" text) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  ids_are_text constant boolean :=
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype;
  seen record;
begin
  if given is null then
    return null;
  end if;
  seen := audit.read_id(to_json(given), field, ids_are_text);
  if seen.id is null then
    raise exception '% cannot be the % of an entry of this log', case
        when ids_are_text then 'an empty text' else 'what is no UUID' end, field
      using errcode = 'invalid_parameter_value';
  end if;
  return case when ids_are_text then seen.id else seen.id::uuid::text end;
end
$$;
--> statement-breakpoint
-- Whether what a view is called or asks for holds the id of a user.
CREATE OR REPLACE FUNCTION "audit"."view_names"("view" audit.audit_view, "user_id" text) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select strpos(lower("view".name), lower(user_id)) > 0 or exists (
    select from jsonb_each_text("view".asked) as p where strpos(lower(p.value), lower(user_id)) > 0)
$$;
--> statement-breakpoint
-- Where else this database holds something about a user, apart from the log and the copies next to it:
-- how many names of the user are known, as one in each event; how many shared views the user saved, or name
-- the user;
-- the dead letters that name the user, by their numbers, at most 1,000; how many entries that wait in the lanes do; the
-- legal holds on the user, which keep their conditions when they are released; and the archived files
-- that hold numbers between two given ones. A reader's own words, such as the reason of a hold, are not
-- looked at.
CREATE OR REPLACE FUNCTION "audit"."erasure_elsewhere"(
  "user_id" text, "from_seq" bigint, "to_seq" bigint,
  OUT "labels" bigint, OUT "views" bigint, OUT "letters" bigint[], OUT "staged" bigint, OUT "holds" uuid[], OUT "archives" jsonb
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  given constant text := audit.hold_id(user_id, 'user');
  path constant jsonpath := audit.naming_path(given);
begin
  select count(*) into labels from audit.audit_label as k where k.subject = given;
  select count(*) into views from audit.audit_view as v where v.user_id = given or audit.view_names(v, given);
  letters := array(
    select d.number from audit.audit_dead_letter as d
    where strpos(lower(d.entry), lower(given)) > 0 or d.id = given
    order by d.number limit 1000);
  select count(*) into staged
  from (
    select s.user_id::text, s.actor_id::text, s.target_id::text, s.more_targets::text[], s.metadata, s.context
    from audit.audit_staging as s
    union all
    select o.user_id::text, o.actor_id::text, o.target_id::text, o.more_targets::text[], o.metadata, o.context
    from audit.audit_outbox as o
    union all
    select i.user_id::text, i.actor_id::text, i.target_id::text, i.more_targets::text[], i.metadata, i.context
    from audit.audit_import as i
  ) as l (user_id, actor_id, target_id, more_targets, metadata, context)
  where given in (l.user_id, l.actor_id, l.target_id) or given = any(l.more_targets)
    or jsonb_path_exists(l.metadata, path, '{}', true)
    or jsonb_path_exists(l.context, path, '{}', true);
  holds := array(
    select h.id from audit.audit_hold as h
    where given in (h.user_id, h.target_id) order by h.placed_at, h.id);
  archives := (
    select coalesce(jsonb_agg(jsonb_build_object('partition', a.partition, 'url', a.url)
      order by a.first_seq, a.number), '[]')
    from audit.audit_archive as a
    where a.stored_at is not null and a.first_seq <= to_seq and a.last_seq >= from_seq);
end
$$;
--> statement-breakpoint
-- Whether a document names a user, whose path audit.naming_path() made. A look at the text of a small
-- document is twenty times as fast as the path, and most documents are small and do not name the user.
-- Postgres puts it into the plan of its caller, which pins the search_path.
CREATE OR REPLACE FUNCTION "audit"."holds_id"("document" jsonb, "user_id" text, "path" jsonpath)
RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select case
    when pg_column_size(document) <= 1000 and pg_column_compression(document) is null
      and strpos(lower(document::text), lower(user_id)) = 0 then false
    else jsonb_path_exists(document, path, '{}', true)
  end
$$;
--> statement-breakpoint
-- The tables that hold entries of the log, by name: its partitions first, then copies next to it. Of a
-- copy "kind" says whether it was removed by a policy and waits for its drop.
CREATE OR REPLACE FUNCTION "audit"."list_log_places"(OUT "place" text, OUT "kind" text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select p.place::text, p.kind from audit.log_places() as p
  order by p.kind <> 'partition', p.place::text
$$;
--> statement-breakpoint
-- The place of the log that has this name, as audit.log_places() prints it. It raises for every other
-- name, so that nobody looks into another table by the functions of an erasure.
CREATE OR REPLACE FUNCTION "audit"."place_of"("name" text) RETURNS regclass
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  found_place regclass;
begin
  select p.place into found_place from audit.log_places() as p where p.place::text = name;
  if found_place is null then
    raise exception 'the log has no place "%"', name
      using errcode = 'undefined_table', hint = 'audit.list_log_places() has them.';
  end if;
  return found_place;
end
$$;
--> statement-breakpoint
-- The entries in a place of the log that name a user and that an erasure of this user does not touch:
-- their metadata or their context holds the user's id, and they are neither what the user did nor what
-- was done to the user. Before an erasure, and after it, they are the same ones. At most so many entries
-- are looked at, in the order of their ids behind the given one; "last" is the last of these, null at
-- the end. "fields" says where the id stands.
CREATE OR REPLACE FUNCTION "audit"."find_naming"(
  "log_place" text, "user_id" text, "after" uuid, "max_rows" integer,
  OUT "last" uuid, OUT "looked" bigint, OUT "entries" jsonb
)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  place constant regclass := audit.place_of(log_place);
  given constant text := audit.hold_id(user_id, 'user');
begin
  execute format($query$
    with looked as materialized (
      select r.* from %1$s as r where r.id > $3 order by r.id limit $4
    ),
    found as (
      select r.seq, r.action, array_remove(array[
          case when audit.holds_id(r.metadata, $5, $2) then 'metadata' end,
          case when audit.holds_id(r.context, $5, $2) then 'context' end
        ], null) as fields
      from looked as r
      where not audit.is_erasable(r.action) or not coalesce(
        r.user_id::text = $1 or r.actor_id::text = $1 or r.target_id::text = $1
        or $1 = any(r.more_targets::text[]), false)
    )
    select (select (array_agg(l.id order by l.id desc))[1] from looked as l having count(*) = $4),
      (select count(*) from looked),
      (
        select coalesce(jsonb_agg(jsonb_build_object(
          'seq', f.seq, 'action', f.action, 'fields', f.fields) order by f.seq), '[]')
        from found as f where cardinality(f.fields) > 0
      )
    $query$, place)
  into last, looked, entries
  -- The last one is the id as a document prints it, without the quotes around it.
  using given, audit.naming_path(given), after, max_rows,
    substr(to_json(given)::text, 2, length(to_json(given)::text) - 2);
end
$$;
--> statement-breakpoint
-- The entries of a user in a place of the log that an erasure of that user empties, in the order of
-- their ids: at most so many behind the given one. "fields" are the ones to erase: all of what the user
-- did or what was done for the user, and of what was done to the user whatever may name the user.
-- "hold" is a legal hold in force that forbids it.
CREATE OR REPLACE FUNCTION "audit"."find_of_user"(
  "log_place" text, "user_id" text, "after" uuid, "max_rows" integer,
  OUT "seq" bigint, OUT "id" uuid, OUT "fields" text[], OUT "hold" uuid
) RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  of_target constant text[] := array['target_id', 'more_targets', 'metadata', 'context'];
  place constant regclass := audit.place_of(log_place);
  id_type text;
begin
  select format_type(a.atttypid, null) into id_type
  from pg_attribute as a where a.attrelid = place and a.attname = 'user_id';
  return query execute format($query$
    with found as (
      (select r.seq, r.id, true as is_own from %1$s as r
        where r.user_id = $1::%2$s and r.id > $2 and audit.is_erasable(r.action) order by r.id limit $3)
      union all
      (select r.seq, r.id, true from %1$s as r
        where r.actor_id = $1::%2$s and r.id > $2 and audit.is_erasable(r.action) order by r.id limit $3)
      union all
      (select r.seq, r.id, false from %1$s as r
        where r.target_id = $1::%2$s and r.id > $2 and audit.is_erasable(r.action) order by r.id limit $3)
      union all
      (select r.seq, r.id, false from %1$s as r
        where r.more_targets @> array[$1::%2$s] and r.id > $2 and audit.is_erasable(r.action)
        order by r.id limit $3)
    ),
    entry as (
      select f.seq, f.id, bool_or(f.is_own) as is_own from found as f
      group by f.seq, f.id order by f.id limit $3
    )
    select e.seq, e.id, case when e.is_own then $4 else $5 end,
      case when %3$s then audit.hold_on(
        array[r.user_id::text, r.actor_id::text], array[r.event_id::text],
        r.target_id::text || r.more_targets::text[], array[r.request_id],
        array[r.occurred_at, audit.id_time(r.id)]) end
    from entry as e join %1$s as r on r.id = e.id
    order by e.id
    $query$, place, id_type, audit.held_condition())
  using audit.hold_id(user_id, 'user'), after, max_rows, audit.erasure_fields(), of_target;
end
$$;
--> statement-breakpoint
-- What was erased, by number and field: at most so many entries behind a number. It says nothing of what
-- they held, so that it can be kept outside of the database.
CREATE OR REPLACE FUNCTION "audit"."list_erasures"(
  "after" bigint, "max_rows" integer, OUT "seq" bigint, OUT "id" uuid, OUT "fields" text[]
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select e.seq, e.id, e.fields from audit.audit_erasure as e
  where e.seq > after order by e.seq limit max_rows
$$;
--> statement-breakpoint
-- The tables whose files may still hold what was erased since they were last rewritten: each place of the
-- log that has such an entry, the dead letters, the lanes, the names and the shared views; where the log is
-- sealed, also the salts of what was erased; where it is searched, the bits of its words.
CREATE OR REPLACE FUNCTION "audit"."scrub_places"(OUT "place" text, OUT "bytes" bigint)
RETURNS SETOF record
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  is_touched boolean;
begin
  for place in select p.place::text from audit.log_places() as p order by 1 loop
    execute format(
      'select exists (select from audit.audit_erasure as e '
      'where e.scrubbed_at is null and exists (select from %s as r where r.id = e.id))', place)
    into is_touched;
    if is_touched then
      bytes := pg_total_relation_size(place::regclass);
      return next;
    end if;
  end loop;
  if exists (
    select from audit.audit_erasure as e where e.scrubbed_at is null and e.opening is not null
  ) then
    for place in select t from unnest(array['audit.audit_salt', 'audit.audit_erasure']) as t loop
      bytes := pg_total_relation_size(place::regclass);
      return next;
    end loop;
  end if;
  -- What was erased took its bits out of the search at once. Old versions of their rows are left.
  if pg_relation_size('audit.audit_search_slice') > 0
    and exists (select from audit.audit_erasure as e where e.scrubbed_at is null)
  then
    place := 'audit.audit_search_slice';
    bytes := pg_total_relation_size('audit.audit_search_slice');
    return next;
  end if;
  foreach place in array array['audit.audit_label', 'audit.audit_view'] loop
    if pg_relation_size(place::regclass) > 0 then
      bytes := pg_total_relation_size(place::regclass);
      return next;
    end if;
  end loop;
  foreach place in array array[
    'audit.audit_dead_letter', 'audit.audit_staging', 'audit.audit_outbox', 'audit.audit_import'
  ] loop
    bytes := pg_total_relation_size(place::regclass);
    return next;
  end loop;
end
$$;
--> statement-breakpoint
-- Who may still see rows as they were before "cut", a transaction's number: while there is one, a table
-- that is rewritten keeps the old rows. A session of another database counts where it has written
-- something: no snapshot here is newer than its transaction. So do prepared transactions, replication
-- slots, and standbys that send their feedback.
CREATE OR REPLACE FUNCTION "audit"."who_sees_erased"(
  "cut" text, OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "what" text
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select a.pid, a.usename::text, a.application_name, 'session'
  from pg_stat_activity as a
  where a.pid is distinct from pg_backend_pid() and (
    age(a.backend_xid) > age(cut::xid8::xid)
    or age(a.backend_xmin) > age(cut::xid8::xid)
      and (a.datname is null or a.datname = current_database())
  )
  union all
  select null, p.owner::text, null, format('prepared transaction %s', p.gid)
  from pg_prepared_xacts as p where age(p.transaction) > age(cut::xid8::xid)
  union all
  select s.active_pid, null, null, format('replication slot %s', s.slot_name)
  from pg_replication_slots as s where age(s.xmin) > age(cut::xid8::xid)
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
  if target is null or target not in ('staging', 'outbox', 'import', 'head', 'recorder') then
    raise exception 'audit.compact knows staging, outbox, import, head and recorder'
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
-- Rewrites a table on disk, so that the bytes of erased fields are in none of its files any more: a row
-- that was changed stays in its page until something else is written there, and VACUUM does not
-- overwrite it. It also gathers the statistics of the table again, because they hold values of it.
-- "place" is one that audit.scrub_places() named, "cut" a transaction's number that is greater than those
-- of all erasures. Returns how large the table was and is.
--
-- - A place of the log is rewritten in the order of its key, and nobody reads or writes it meanwhile. A
--   lane has no key: it is emptied, and its rows are put back.
-- - It fails with 55P03 where a lock was not had in lock_timeout_ms, or a lane holds too much, and with
--   55006 where somebody still sees old rows: they would be kept. Then try again.
-- - It fails where the table's file is the one that it was.
CREATE OR REPLACE FUNCTION "audit"."scrub"(
  "place" text, "cut" text, "lock_timeout_ms" integer, OUT "bytes_before" bigint, OUT "bytes" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
declare
  lane constant text := substring(place from '^audit\.audit_(staging|outbox|import)$');
  is_other constant boolean := place = any(array[
    'audit.audit_dead_letter', 'audit.audit_salt', 'audit.audit_erasure', 'audit.audit_label',
    'audit.audit_search_slice', 'audit.audit_view']);
  target constant regclass := case when lane is not null or is_other then place::regclass
    else audit.place_of(place) end;
  file_before constant oid := pg_relation_filenode(target);
  key text;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  bytes_before := pg_total_relation_size(target);
  if lane is not null then
    if not audit.compact(lane) then
      raise exception 'the lane % is in use, or holds too many entries', lane
        using errcode = 'lock_not_available';
    end if;
  else
    select c.relname into key
    from pg_index as i join pg_class as c on c.oid = i.indexrelid
    where i.indrelid = target and i.indisprimary;
    if key is null then
      raise exception '% has no key, because a restore of an archive is under way or was left', target
        using errcode = 'object_not_in_prerequisite_state',
          hint = '"audit-relay archive drop" drops what a restore has made next to the log.';
    end if;
    execute format('lock table %s in access exclusive mode', target);
    if exists (select from audit.who_sees_erased(cut)) then
      raise exception 'somebody still sees rows of % as they were', target
        using errcode = 'object_in_use', schema = 'audit', table = 'audit_erasure';
    end if;
    execute format('cluster %s using %I', target, key);
    execute format('alter table %s set without cluster', target);
  end if;
  if pg_relation_filenode(target) = file_before then
    raise exception '% was not rewritten: its file is the one that it was', target
      using errcode = 'object_not_in_prerequisite_state';
  end if;
  execute format('analyze %s', target);
  -- Only a person has made statistics of the log as a whole. They hold values of all partitions.
  if lane is null and not is_other and exists (
    select from pg_stats as s
    where s.schemaname = 'audit' and s.tablename = 'audit_log' and s.inherited
  ) then
    analyze audit.audit_log;
  end if;
  bytes := pg_total_relation_size(target);
end
$$;
--> statement-breakpoint
-- The greatest id of an entry with a smaller number. Null where there is none. It looks through one partition
-- after the other, the newest first, so it may take seconds.
CREATE OR REPLACE FUNCTION "audit"."greatest_id_before"("number" bigint) RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  part record;
  found_id uuid;
  of_default uuid;
begin
  if number <= 1 then
    return null;
  end if;
  select l.id into of_default from audit.audit_log_default as l
  where l.seq < number order by l.id desc limit 1;
  for part in
    select p.name from audit.audit_partition as p
    where coalesce(p.min_seq < number, true) order by p.from_id desc
  loop
    execute format('select l.id from audit.%I as l where l.seq < $1 order by l.id desc limit 1', part.name)
    into found_id using number;
    exit when found_id is not null;
  end loop;
  return nullif(greatest(coalesce(found_id::text, ''), coalesce(of_default::text, '')), '')::uuid;
end
$$;
--> statement-breakpoint
-- Turns a consumer on: it takes the entries from this number on. Where it is on already, nothing changes.
-- Returns the number from which on it takes them.
--
-- It waits for those who empty, remove or bring back entries, and they for it: who saw no consumer while it
-- was turned on could not tell it that what it reads is changed.
CREATE OR REPLACE FUNCTION "audit"."begin_follow"("consumer" text, "since" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
SET lock_timeout = '10s' AS $$
declare
  known bigint;
begin
  select f.since_seq into known from audit.audit_follow as f where f.consumer = begin_follow.consumer;
  if known is not null then
    return known;
  end if;
  lock table audit.audit_follow in share row exclusive mode;
  insert into audit.audit_follow as f (consumer, history, since_seq, seq, before_id)
  select begin_follow.consumer, h.history, since, since - 1, audit.greatest_id_before(since)
  from audit.audit_head as h
  on conflict on constraint audit_follow_pkey do nothing;
  return (select f.since_seq from audit.audit_follow as f where f.consumer = begin_follow.consumer);
end
$$;
--> statement-breakpoint
-- A document as text. Null where that is longer than 2 MiB or cannot be written, or where it has a number of more
-- than 1,000 digits. Its stored size says little about its text: a number of 900 digits may take ten bytes.
CREATE OR REPLACE FUNCTION "audit"."readable_text"("document" jsonb) RETURNS text
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  most constant integer := 2097152;
  written text;
begin
  if pg_column_size(document) <= 1000 and pg_column_compression(document) is null then
    return document::text;
  end if;
  if pg_column_size(document) > most or jsonb_path_exists(document,
    'strict $.** ? (@.type() == "number") ? (@ >= 1e1001 || @ <= -1e1001 || (@ < 1e-1001 && @ > -1e-1001 && @ != 0))')
  then
    return null;
  end if;
  begin
    written := document::text;
  exception when program_limit_exceeded or out_of_memory or internal_error then
    return null; -- 1 GB is the most that a text can have
  end;
  return case when octet_length(written) <= most then written end;
end
$$;
--> statement-breakpoint
-- The entries with these numbers, for a consumer that is on: the relay has no SELECT on the log, and reads
-- nothing by this function while nobody has turned a consumer on. At most 512 numbers at a time.
--
-- - Ids are text, as the log's columns print them.
-- - Metadata and context are null where they are longer than 2 MiB, or have a number of more than 1,000
--   digits: Postgres keeps 1e131071 in eight bytes.
-- - It reads one range of ids after the other.
-- - Where several have more than 16 MiB of metadata and context, it raises program_limit_exceeded: then ask for
--   fewer numbers. Of one number the answer has 4 MiB and some text at most.
CREATE OR REPLACE FUNCTION "audit"."follow_entries"(
  "consumer" text, "from_seq" bigint, "to_seq" bigint,
  OUT "seq" bigint, OUT "id" uuid, OUT "logged_at" timestamptz, OUT "written_by" text,
  OUT "action" text, OUT "entity_type" text, OUT "request_id" text, OUT "outcome" text,
  OUT "event_id" text, OUT "user_id" text, OUT "actor_id" text, OUT "actor_kind" text,
  OUT "target_id" text, OUT "more_targets" text[], OUT "metadata" text, OUT "context" text
) RETURNS SETOF record
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- By the index on seq. Nothing else is cheaper, whatever the statistics say.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
declare
  most constant bigint := 512;
  most_bytes constant bigint := 16777216;
  bytes bigint := 0;
  range record;
begin
  if from_seq < 1 or to_seq < from_seq or to_seq - from_seq >= most
    or not exists (
      select from audit.audit_follow as f
      where f.consumer = follow_entries.consumer and from_seq >= f.since_seq)
  then
    raise exception 'no entries from % to % for "%"', from_seq, to_seq, consumer
      using errcode = 'invalid_parameter_value';
  end if;
  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all.
    for seq, id, logged_at, written_by, action, entity_type, request_id, outcome, event_id, user_id,
      actor_id, actor_kind, target_id, more_targets, metadata, context
    in execute 'select l.seq, l.id, l.logged_at, l.written_by, l.action, l.entity_type,
        l.request_id, l.outcome, l.event_id::text, l.user_id::text, l.actor_id::text, l.actor_kind,
        l.target_id::text, l.more_targets::text[], audit.readable_text(l.metadata),
        audit.readable_text(l.context)
      from audit.audit_log as l
      where l.seq between $1 and $2 and l.id >= $3 and ($4 is null or l.id < $4)'
    using from_seq, to_seq, range.from_id, range.to_id
    loop
      bytes := bytes + coalesce(octet_length(metadata), 0) + coalesce(octet_length(context), 0);
      if bytes > most_bytes and to_seq > from_seq then
        raise exception 'the entries from % to % have more than 16 MiB', from_seq, to_seq
          using errcode = 'program_limit_exceeded';
      end if;
      return next;
    end loop;
  end loop;
end
$$;
--> statement-breakpoint
-- The consumers that are on, how far each has taken the log, and how far the log is. No row where none
-- is on. "rewind_to" is the number up to which the log is the one that the consumer has read: smaller than
-- "seq" where a restore has given numbers again.
CREATE OR REPLACE FUNCTION "audit"."follow_state"(
  OUT "consumer" text, OUT "history" uuid, OUT "since_seq" bigint, OUT "seq" bigint,
  OUT "changes" bigint, OUT "before_id" uuid, OUT "begun_at" timestamptz, OUT "moved_at" timestamptz, OUT "head" bigint, OUT "log_history" uuid,
  OUT "rewind_to" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select f.consumer, f.history, f.since_seq, f.seq, f.changes, f.before_id, f.begun_at, f.moved_at, h.seq, h.history,
    case when f.history = h.history then f.seq else least(f.seq, h.seq, (
      select min(y.first_seq) - 1 from audit.audit_history as y
      where y.at > (select o.at from audit.audit_history as o where o.history = f.history)
    )) end
  from audit.audit_follow as f cross join audit.audit_head as h
  order by f.consumer
$$;
--> statement-breakpoint
-- Sets a consumer back to the last number that the log still has as the consumer read it, in the log's
-- present history. Returns whether it did: not where another relay was faster. Who calls it drops in the
-- same transaction what the consumer wrote of greater numbers.
CREATE OR REPLACE FUNCTION "audit"."rewind_follow"(
  "consumer" text, "history" uuid, "to_seq" bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  update audit.audit_follow as f
  set history = h.history, seq = greatest(to_seq, 0), since_seq = least(f.since_seq, greatest(to_seq, 0) + 1),
    changes = f.changes + 1, moved_at = clock_timestamp()
  from audit.audit_head as h
  where f.consumer = rewind_follow.consumer and f.history = rewind_follow.history
    and h.history <> f.history and to_seq <= f.seq;
  return found;
end
$$;
--> statement-breakpoint
-- Moves a consumer's cursor behind to_seq, and returns whether it may write what it made of the entries
-- up to there: not where another relay was faster, where the consumer was turned off, where an entry was
-- emptied, removed or brought back since it read, or where the log has begun another history. Who calls it
-- writes in the same transaction.
CREATE OR REPLACE FUNCTION "audit"."take_follow"(
  "consumer" text, "history" uuid, "from_seq" bigint, "to_seq" bigint, "changes" bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  -- What a crash loses is the cursor and what was written with it, so it is made again.
  perform set_config('synchronous_commit', 'off', true);
  update audit.audit_follow as f set seq = to_seq, moved_at = clock_timestamp()
  from audit.audit_head as h
  where f.consumer = take_follow.consumer and f.history = take_follow.history
    and h.history = take_follow.history and f.seq = from_seq - 1 and to_seq between from_seq and h.seq
    and f.changes = take_follow.changes;
  return found;
end
$$;
--> statement-breakpoint
-- Whether text columns take these ids exactly as they are. False says that examine() has to look:
-- lengths are counted in bytes here, which is cheaper. A statement that calls this function holds its
-- text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."are_fit_ids"("user_id" text, "event_id" text, "target_id" text)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select (user_id is null or octet_length(user_id) between 1 and audit.bound('text_characters'))
    and (event_id is null or octet_length(event_id) between 1 and audit.bound('text_characters'))
    and (target_id is null or octet_length(target_id) between 1 and audit.bound('text_characters'))
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
-- What an entry says under a column's name, or under the library's name where that is missing or null:
-- as it is written, because jsonb would write 1e3 as 1000.
CREATE OR REPLACE FUNCTION "audit"."given_id"("given" json, "column_name" text, "field" text)
RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select case when coalesce(json_typeof(given -> column_name), 'null') = 'null' then given -> field
    else given -> column_name end
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
-- Reads what was given for a list of ids, each as read_id() reads one. What is no list is taken for a
-- list of one and marked. Ids beyond the bound are left out and marked. What the columns cannot hold is
-- kept in "invalid" as a list, up to the same bound.
CREATE OR REPLACE FUNCTION "audit"."read_ids"(
  "given" json, "field" text, "ids_are_text" boolean,
  OUT "ids" text[], OUT "invalid" jsonb, OUT "marks" text[], OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  max_ids constant integer := audit.bound('more_targets');
  list json := given;
  kept jsonb := '[]';
  one json;
  seen record;
begin
  invalid := '{}';
  marks := '{}';
  paths := '{}';
  if coalesce(json_typeof(given), 'null') = 'null' or given #>> '{}' = '' then
    return;
  end if;
  if json_typeof(given) <> 'array' then
    list := json_build_array(given);
    marks := array[field || '.wrapped'];
  end if;
  for one in select e from json_array_elements(list) with ordinality as t (e, n) order by n loop
    if coalesce(cardinality(ids), 0) + jsonb_array_length(kept) = max_ids then
      marks := marks || (field || '.truncated');
      exit;
    end if;
    seen := audit.read_id(one, field, ids_are_text);
    paths := paths || seen.paths;
    marks := marks || seen.marks;
    if seen.id is not null then
      ids := ids || seen.id;
    elsif seen.invalid ? field then
      kept := kept || (seen.invalid -> field);
    end if;
  end loop;
  if kept <> '[]' then
    invalid := jsonb_build_object(field, kept);
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
-- A context with one more key. Where its name is taken, or is that of the product's own notes, "entry."
-- comes before it.
CREATE OR REPLACE FUNCTION "audit"."with_key"("context" jsonb, "name" text, "value" jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  free text := name;
begin
  while context ? free or free in ('degraded', 'redacted', 'invalid') loop
    free := 'entry.' || free;
  end loop;
  return context || jsonb_build_object(free, value);
end
$$;
--> statement-breakpoint
-- The fields of an entry under the columns' names. The library's names are taken too: userId for
-- user_id. Where both are given and differ, the column's wins, and the other one is kept in the
-- context. So is everything else that was given, under its own name or, where that is taken, with
-- "entry." before it. "marks" says so.
CREATE OR REPLACE FUNCTION "audit"."read_names"(
  "given" jsonb, OUT "fields" jsonb, OUT "marks" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  columns constant text[] := array[
    'id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'action', 'entity_type', 'request_id',
    'metadata', 'context', 'outcome', 'actor_id', 'actor_kind', 'more_targets'
  ];
  notes constant text[] := array['degraded', 'redacted', 'invalid'];
  context jsonb := audit.object_of(given -> 'context');
  name text;
  value jsonb;
  own text;
  column_name text;
begin
  fields := given;
  marks := '{}';
  foreach name in array array['metadata', 'context'] loop
    if jsonb_typeof(given -> name) not in ('object', 'null') then
      marks := marks || (name || '.wrapped');
    end if;
  end loop;
  foreach name in array notes loop
    -- The product's own notes have these names. A value of another type is none of them.
    continue when not context ? name or jsonb_typeof(context -> name)
      = case name when 'invalid' then 'object' else 'array' end;
    marks := marks || 'context.reserved'::text;
    value := context -> name;
    context := audit.with_key(context - name, name, value);
  end loop;
  for name, value in select e.key, e.value from jsonb_each(given - columns) as e order by e.key loop
    fields := fields - name;
    column_name := case name
      when 'occurredAt' then 'occurred_at'
      when 'userId' then 'user_id'
      when 'eventId' then 'event_id'
      when 'targetId' then 'target_id'
      when 'entityType' then 'entity_type'
      when 'requestId' then 'request_id'
      when 'actorId' then 'actor_id'
      when 'actorKind' then 'actor_kind'
      when 'moreTargets' then 'more_targets'
    end;
    if column_name is null then
      marks := marks || 'entry.unknownKey'::text;
    elsif coalesce(given -> column_name, 'null') = 'null' then
      fields := fields || jsonb_build_object(column_name, value);
      continue;
    else
      continue when value = 'null' or value = given -> column_name;
      marks := marks || (name || '.twice');
    end if;
    context := audit.with_key(context, name, value);
  end loop;
  fields := fields || jsonb_build_object('context', context);
end
$$;
--> statement-breakpoint
-- Reads what was given for occurred_at: ISO 8601 text, as to_json() writes it, or a number of
-- milliseconds since 1970. As the library does, it reads text without a zone as UTC and numbers from
-- 100,000,000 to 100,000,000,000 as seconds, and marks both. Of what is no time of the years 1 to 9999
-- "kept" is the text, "refusal" an SQLSTATE, and "fault" says what is wrong. "at" is null then, and where nothing was given.
CREATE OR REPLACE FUNCTION "audit"."read_time"(
  "given" jsonb, OUT "at" timestamptz, OUT "marks" text[], OUT "kept" text,
  OUT "refusal" text, OUT "fault" text
)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp SET timezone_abbreviations = 'Default'
AS $$
declare
  value constant text := btrim(given #>> '{}');
  ms numeric;
  parts text[];
  is_skewed boolean := false;
begin
  marks := '{}';
  if coalesce(jsonb_typeof(given), 'null') = 'null' then
    return;
  end if;
  if jsonb_typeof(given) = 'number' then
    ms := given::numeric;
    if ms >= 100000000 and ms < 100000000000 then
      marks := array['occurredAt.seconds'];
      ms := ms * 1000;
    end if;
    ms := trunc(ms);
    is_skewed := ms < -62135596800000 or ms >= 253402300800000;
    if not is_skewed then
      -- In two parts, because an interval is multiplied as a double.
      at := timestamptz '1970-01-01 00:00:00+00' + div(ms, 1000)::bigint * interval '1 second'
        + mod(ms, 1000)::integer * interval '1 millisecond';
    end if;
  elsif jsonb_typeof(given) = 'string' and length(value) <= 64 then
    parts := regexp_match(value, $re$^([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[Tt ]((?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,]([0-9]{1,18}))?)?))? ?(Z|[+-][0-9]{2}(?::?[0-9]{2})?|[A-Z][A-Z_]+(?:/[A-Z_+-]+[0-9]*)*)?\Z$re$ collate "C", 'i');
    if parts is null or parts[1] < '0001' or parts[4] ~* '^(bc|ad)$' then
      is_skewed := value ~* $re$^(?:[+-][0-9]{4,}|[0-9]{5,}|0000)-[0-9]{2}-[0-9]{2}| bc$|^[+-]?infinity\Z$re$;
    else
      begin
        -- With a zone and the year first, no other setting of the session changes what it means.
        at := format('%s %s %s', parts[1], replace(coalesce(parts[2], '00:00'), ',', '.'),
          coalesce(parts[4], 'Z'))::timestamptz;
        is_skewed := at < '0001-01-01 00:00:00+00' or at >= '10000-01-01 00:00:00+00';
        if parts[4] is null then
          marks := array['occurredAt.zone'];
        end if;
        if substr(parts[3], 7) ~ '[1-9]' then
          marks := marks || 'occurredAt.rounded'::text;
          kept := value;
        end if;
      exception when data_exception then
        at := null;
      end;
    end if;
  end if;
  if at is null or is_skewed then
    at := null;
    marks := array[case when is_skewed then 'occurredAt.skewed' else 'occurredAt.invalid' end];
    kept := left(nullif(value, ''), audit.bound('text_characters')::integer);
    refusal := case when is_skewed then '22008' else '22007' end;
    fault := case
      when is_skewed then 'occurred_at is not between the years 1 and 9999'
      else 'occurred_at is no time: give ISO 8601 text such as 2026-11-22T14:05:00Z, or milliseconds'
    end;
    if length(value) > audit.bound('text_characters') then
      marks := marks || 'occurredAt.truncated'::text;
    end if;
  elsif at > statement_timestamp() + interval '1 day' then
    marks := marks || 'occurredAt.skewed'::text;
  end if;
end
$$;
--> statement-breakpoint
-- Reads what was given for one of a few words. Another value is kept in "invalid" under the field's
-- name, cut, and marked, without the secrets that stand at "paths".
CREATE OR REPLACE FUNCTION "audit"."read_word"(
  "given" jsonb, "field" text, "words" text[],
  OUT "word" text, OUT "invalid" jsonb, OUT "marks" text[], OUT "paths" text[]
)
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  value text := nullif(given #>> '{}', '');
  seen record;
begin
  invalid := '{}';
  marks := '{}';
  paths := '{}';
  if value is null then
    return;
  end if;
  if value = any(words) then
    word := value;
    return;
  end if;
  if jsonb_typeof(given) in ('object', 'array') then
    seen := audit.censor(given, field, null);
    value := seen.clean #>> '{}';
    paths := seen.paths;
  end if;
  seen := audit.kept_text(field, value);
  invalid := seen.invalid;
  marks := seen.marks;
end
$$;
--> statement-breakpoint
-- A context with more notes in its list "degraded" or "redacted", each once. At most 20 are added, as
-- in the library, and then "..." says that there were more.
CREATE OR REPLACE FUNCTION "audit"."with_notes"("context" jsonb, "name" text, "notes" text[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
declare
  list jsonb := case jsonb_typeof(context -> name) when 'array' then context -> name else '[]' end;
  note text;
begin
  if notes = '{}' then
    return context;
  end if;
  foreach note in array case when cardinality(notes) > 20 then notes[1:20] || '...'::text else notes end
  loop
    if not list ? left(note, 256) then
      list := list || to_jsonb(left(note, 256));
    end if;
  end loop;
  return context || jsonb_build_object(name, list);
end
$$;
--> statement-breakpoint
-- The retention line: nothing with a smaller id is logged any more, because a policy has removed
-- entries of that time, and one that came later would be there as if it had been kept.
CREATE OR REPLACE FUNCTION "audit"."retention_line"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(
    (select r.line_id from audit.audit_retention as r), '00000000-0000-0000-0000-000000000000')
$$;
--> statement-breakpoint
-- Whether a JSON value holds a key that names a secret. Each name is decided once. It looks at 34
-- levels: an array of entries, an entry, and the levels of its metadata. What is deeper is cut.
CREATE OR REPLACE FUNCTION "audit"."holds_secret"("given" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE AS $$
  select exists (
    select from (
      select distinct name
      from jsonb_path_query(given, 'strict $.**{0 to 34} ? (@.type() == "object")') as object,
        jsonb_object_keys(object) as name
      where audit.may_name_secret(name)
      offset 0
    ) as names
    where audit.secret_kind(name) is not null
  )
$$;
--> statement-breakpoint
-- Whether a UUID is a UUIDv7 of RFC 9562: its version and its variant are.
CREATE OR REPLACE FUNCTION "audit"."is_uuid7"("id" uuid) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select get_byte(uuid_send(id), 6) >> 4 = 7 and get_byte(uuid_send(id), 8) >> 6 = 2
$$;
--> statement-breakpoint
-- Looks closely at one entry, given as a JSON object, for a lane that takes ids from "oldest" to before
-- "latest". What is too much is cut, what is no id for the lanes' columns goes to context.invalid, and
-- context.degraded says
-- what was changed. "refusal" is the SQLSTATE where the entry cannot be taken at all, "reason" says
-- why in words that quote nothing of it. It never raises for what an entry holds and writes nothing,
-- so its subtransactions take no transaction id.
--
-- "redacted": the library has made the entry, with the columns' names, times that can be read and
-- without secrets. Otherwise read_names() sorts its keys, read_time() reads its time, and values whose
-- key names a secret are censored. Now is stored in place of a time that cannot be read:
-- "time_refusal" and "time_fault" are the SQLSTATE and the reason for a caller that does not want that.
CREATE OR REPLACE FUNCTION "audit"."examine"(
  "given" json, "bytes" integer, "oldest" uuid, "latest" uuid, "redacted" boolean,
  OUT "refusal" text, OUT "reason" text, OUT "given_id" text, OUT "entry" "audit"."audit_outbox",
  OUT "time_refusal" text, OUT "time_fault" text
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  max_text constant integer := audit.bound('text_characters');
  max_levels constant integer := audit.bound('levels');
  is_container constant jsonpath := format(
    'strict $.**{%s} ? (@.type() == "object" || @.type() == "array")', max_levels);
  ids_are_text constant boolean :=
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype;
  fields jsonb;
  seen record;
  hidden text[] := '{}';
  invalid jsonb := '{}';
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
    given_id := left(given ->> 'id', max_text);
    fields := given::jsonb;
    if not redacted then
      seen := audit.read_names(fields);
      fields := seen.fields;
      marks := seen.marks;
    end if;
    entry.metadata := audit.object_of(fields -> 'metadata');
    entry.context := audit.object_of(fields -> 'context');
    if redacted then
      entry.occurred_at := coalesce((fields ->> 'occurred_at')::timestamptz, clock_timestamp());
      entry.recorder_seq := (fields ->> 'recorder_seq')::bigint;
    else
      seen := audit.read_time(fields -> 'occurred_at');
      entry.occurred_at := coalesce(seen.at, clock_timestamp());
      invalid := jsonb_strip_nulls(jsonb_build_object('occurredAt', seen.kept));
      marks := marks || seen.marks;
      time_refusal := seen.refusal;
      time_fault := seen.fault;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    refusal := sqlstate;
    reason := 'the database cannot hold a value of the entry';
    return;
  end;

  if coalesce(fields ->> 'action', '') = '' then
    refusal := '23502';
    reason := 'no action';
    return;
  end if;
  if audit.is_reserved(fields ->> 'action') then
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

  entry.id := audit.uuid_or_null(given ->> 'id');
  if entry.id is null or not audit.is_uuid7(entry.id) then
    entry.id := audit.new_id();
    seen := audit.kept_text('id', nullif(given ->> 'id', ''));
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
  elsif entry.id >= latest then
    refusal := '22008';
    reason := 'the id''s time is more than a day ahead of the database''s clock: '
      || 'set the clock of the machine that made it, or retry once that time has come';
    return;
  elsif entry.id < oldest then
    refusal := '22008';
    reason := case when entry.id < audit.retention_line()
      then 'the id''s time is below the retention line: a policy has removed entries of that time'
      else 'the id''s time is before the first partition of the log' end;
    return;
  end if;

  if jsonb_path_exists(entry.metadata, is_container) then
    entry.metadata := audit.cut_deep(entry.metadata, max_levels);
    marks := marks || 'metadata.depth'::text;
  end if;
  if jsonb_path_exists(entry.context, is_container) then
    entry.context := audit.cut_deep(entry.context, max_levels);
    marks := marks || 'context.depth'::text;
  end if;
  if not redacted and audit.holds_secret(jsonb_build_array(entry.metadata, entry.context)) then
    seen := audit.censor(entry.metadata, 'metadata', null);
    entry.metadata := seen.clean;
    hidden := seen.paths;
    seen := audit.censor(entry.context, 'context', null);
    entry.context := seen.clean;
    hidden := hidden || seen.paths;
  end if;

  -- SELECT INTO asks for the column's type each time. The kept plan of an assignment would go on
  -- casting to the type that the column had when this session began.
  seen := audit.read_id(audit.given_id(given, 'user_id', 'userId'), 'userId', ids_are_text);
  select seen.id into entry.user_id;
  hidden := hidden || seen.paths;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  seen := audit.read_id(audit.given_id(given, 'event_id', 'eventId'), 'eventId', ids_are_text);
  select seen.id into entry.event_id;
  hidden := hidden || seen.paths;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  seen := audit.read_id(audit.given_id(given, 'target_id', 'targetId'), 'targetId', ids_are_text);
  select seen.id into entry.target_id;
  hidden := hidden || seen.paths;
  invalid := invalid || seen.invalid;
  marks := marks || seen.marks;
  if fields ?| array['outcome', 'actor_id', 'actor_kind', 'more_targets'] then
    seen := audit.read_id(audit.given_id(given, 'actor_id', 'actorId'), 'actorId', ids_are_text);
    select seen.id into entry.actor_id;
    hidden := hidden || seen.paths;
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
    seen := audit.read_ids(
      audit.given_id(given, 'more_targets', 'moreTargets'), 'moreTargets', ids_are_text);
    select seen.ids into entry.more_targets;
    hidden := hidden || seen.paths;
    -- The library has kept there what is no id for any column.
    invalid := invalid || case
      when seen.invalid <> '{}'
        and jsonb_typeof(entry.context #> '{invalid,moreTargets}') = 'array'
      then jsonb_build_object('moreTargets',
        (entry.context #> '{invalid,moreTargets}') || (seen.invalid -> 'moreTargets'))
      else seen.invalid end;
    marks := marks || seen.marks;
    seen := audit.read_word(
      fields -> 'outcome', 'outcome', array['denied', 'failed', 'attempted']);
    entry.outcome := seen.word;
    hidden := hidden || seen.paths;
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
    seen := audit.read_word(
      fields -> 'actor_kind', 'actorKind', array['api_key', 'service', 'system', 'agent']);
    entry.actor_kind := seen.word;
    hidden := hidden || seen.paths;
    invalid := invalid || seen.invalid;
    marks := marks || seen.marks;
  end if;

  entry.action := left(fields ->> 'action', audit.bound('action_characters')::integer);
  entry.entity_type := left(nullif(fields ->> 'entity_type', ''), max_text);
  entry.request_id := left(nullif(fields ->> 'request_id', ''), max_text);
  if entry.action <> fields ->> 'action' then
    marks := marks || 'action.truncated'::text;
  end if;
  if entry.entity_type <> fields ->> 'entity_type' then
    marks := marks || 'entityType.truncated'::text;
  end if;
  if entry.request_id <> fields ->> 'request_id' then
    marks := marks || 'requestId.truncated'::text;
  end if;

  if invalid <> '{}' then
    entry.context := entry.context || jsonb_build_object('invalid', case
      when jsonb_typeof(entry.context -> 'invalid') = 'object' then entry.context -> 'invalid'
      else '{}'
    end || invalid);
  end if;
  entry.context := audit.with_notes(entry.context, 'degraded', marks);
  entry.context := audit.with_notes(entry.context, 'redacted', hidden);
  entry.written_by := session_user;
  entry.ours := false;
end
$$;
--> statement-breakpoint
-- Whether an id in an array of entries is something other than a string. The text that jsonb makes of
-- it does not say how it was written: 1e3 and 1000 are the same there.
CREATE OR REPLACE FUNCTION "audit"."has_odd_ids"("entries" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_path_exists(entries, 'strict $[*] ? (
    exists (@.user_id ? (@.type() != "string" && @.type() != "null"))
    || exists (@.event_id ? (@.type() != "string" && @.type() != "null"))
    || exists (@.target_id ? (@.type() != "string" && @.type() != "null"))
    || exists (@.actor_id ? (@.type() != "string" && @.type() != "null"))
  )')
$$;
--> statement-breakpoint
-- Whether an entry of an array has a key that is no column's. It raises where an entry is no object. A
-- function that calls it pins its search_path.
CREATE OR REPLACE FUNCTION "audit"."has_other_names"("entries" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select exists (
    select from jsonb_array_elements(entries) as e
    where (e - array[
      'id', 'occurred_at', 'user_id', 'event_id', 'target_id', 'action', 'entity_type', 'request_id',
      'metadata', 'context', 'outcome', 'actor_id', 'actor_kind', 'more_targets'
    ]) <> '{}'
  )
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
-- Whether an outcome and a kind of actor are null or one of those that there are. The log checks the
-- same. A statement that calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_known_word"("outcome" text, "actor_kind" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select (outcome is null or outcome in ('denied', 'failed', 'attempted'))
    and (actor_kind is null or actor_kind in ('api_key', 'service', 'system', 'agent'))
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
-- Whether a lane takes what few entries have exactly as it is: outcome and actor, in an object that a
-- row ends with. False says that examine() has to look, as it does at more targets. A statement that
-- calls this function holds its text in its own plan.
CREATE OR REPLACE FUNCTION "audit"."is_rare_fit"("rare" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_typeof(rare) = 'object' and not rare ? 'more_targets'
    and audit.is_known_word(rare ->> 'outcome', rare ->> 'actor_kind')
    and coalesce(jsonb_typeof(rare -> 'actor_id') = 'string', true)
    and coalesce(octet_length(rare ->> 'actor_id') between 1 and audit.bound('text_characters'), true)
$$;
--> statement-breakpoint
-- For the WHERE of a statement that puts entries into a lane: lets no entry through, and leaves a note
-- for the rest of the function that some entry was not fit. Only such entries pay for it.
CREATE OR REPLACE FUNCTION "audit"."mark_unfit"() RETURNS boolean
LANGUAGE sql VOLATILE AS $$
  select set_config('audit.unfit', 'yes', true) is null
$$;
--> statement-breakpoint
-- Entries of an array of objects with the columns' names, in the types of a lane's columns, and
-- whether the lane takes each as it is. It does not where an id is none for its column, or where a time
-- has no zone or is more than a day ahead, unless the library has "redacted" the entries. An entry
-- without an id or a time gets one. It raises where a text is no time.
--
-- The ids of user, event and target are text: a caller whose columns are uuid casts those of entries
-- that fit. An entry with more targets does not, so that examine() reads them. Where "ids_are_text", the caller has looked with audit.has_odd_ids().
--
-- A statement that calls this function holds its text in its own plan, so a constant for
-- "ids_are_text" leaves only what that kind needs. OFFSET 0 has each value read once. One pattern over
-- four ids would cost a tenth of the whole.
CREATE OR REPLACE FUNCTION "audit"."typed_entries"(
  "entries" jsonb, "redacted" boolean, "is_plain" boolean, "oldest" uuid, "latest" uuid,
  "ids_are_text" boolean
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz,
  "user_id" text, "event_id" text, "target_id" text,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb,
  "outcome" text, "actor_id" text, "actor_kind" text
)
LANGUAGE sql STABLE AS $$
  select
    r.are_uuids
      and r.is_time
      and (redacted or r.occurred_at <= statement_timestamp() + interval '1 day')
      and (not ids_are_text or audit.are_fit_ids(r.user_id, r.event_id, r.target_id))
      and audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain)
      and r.more_targets is null
      and audit.is_known_word(r.outcome, r.actor_kind)
      and (r.actor_id is null or case when ids_are_text
        then octet_length(r.actor_id) between 1 and audit.bound('text_characters')
        else audit.uuid_or_null(r.actor_id) is not null end),
    r.id, r.occurred_at, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context,
    r.outcome, r.actor_id, r.actor_kind
  from (
    select
      g.are_uuids,
      g.is_time,
      case when g.id is null then audit.new_id() when g.are_uuids then g.id::uuid end as id,
      case when g.occurred_at is null then clock_timestamp()
        when g.is_time then g.occurred_at::timestamptz end as occurred_at,
      g.user_id, g.event_id, g.target_id, g.action, g.entity_type, g.request_id,
      g.outcome, g.actor_id, g.actor_kind, g.more_targets,
      coalesce(g.metadata, '{}') as metadata, coalesce(g.context, '{}') as context,
      case when not is_plain and pg_column_size(g.metadata) < 16384 then g.metadata::text
        when g.metadata is null then '{}' end as printed_metadata,
      case when not is_plain and pg_column_size(g.context) < 16384 then g.context::text
        when g.context is null then '{}' end as printed_context
    from (
      select
        e.*,
        (e.id is null or e.id like '________-____-____-____-____________')
          and (ids_are_text
            or (e.user_id is null or e.user_id like '________-____-____-____-____________')
            and (e.event_id is null or e.event_id like '________-____-____-____-____________')
            and (e.target_id is null or e.target_id like '________-____-____-____-____________'))
          and octet_length(replace(e.ids, '-', ''))
            = 32 * case when ids_are_text then num_nonnulls(e.id)
              else num_nonnulls(e.id, e.user_id, e.event_id, e.target_id) end
          and e.ids !~ '[^0-9A-Fa-f-]' collate "C"
          as are_uuids,
        redacted or e.occurred_at is null
          or e.occurred_at ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,6})?([+-][0-9]{2}(:[0-9]{2})?|Z)$'
          as is_time
      from (
        select r.*,
          case when ids_are_text then coalesce(r.id, '')
            else concat(r.id, r.user_id, r.event_id, r.target_id) end as ids
        from jsonb_to_recordset(entries) as r (
          id text, occurred_at text, user_id text, event_id text, target_id text,
          action text, entity_type text, request_id text, metadata jsonb, context jsonb,
          outcome text, actor_id text, actor_kind text, more_targets jsonb
        )
        offset 0
      ) as e
      offset 0
    ) as g
    offset 0
  ) as r
$$;
--> statement-breakpoint
-- The rows of a slice as a recorder sends it, an array of arrays, in the types of a lane's columns,
-- and whether the lane takes each as it is. The ids of user, event and target are text: a caller whose
-- columns are uuid casts them, which raises where one is no UUID. "is_plain" is what audit.is_plain()
-- says of the slice's text. The function raises where a value is not of its column's type. A statement
-- that calls it holds its text in its own plan, so a constant for "ids_are_text" leaves only what that
-- kind needs. OFFSET 0 has each value read once. A row ends with an object of what few entries have.
-- One with more targets does not fit, so that examine() reads them.
CREATE OR REPLACE FUNCTION "audit"."typed_rows"(
  "slice" jsonb, "is_plain" boolean, "oldest" uuid, "latest" uuid, "ids_are_text" boolean
)
RETURNS TABLE (
  "fits" boolean, "id" uuid, "occurred_at" timestamptz, "recorder_seq" bigint,
  "user_id" text, "event_id" text, "target_id" text,
  "action" text, "entity_type" text, "request_id" text, "metadata" jsonb, "context" jsonb,
  "outcome" text, "actor_id" text, "actor_kind" text
)
LANGUAGE sql STABLE AS $$
  select
    (not ids_are_text
        or r.are_texts and audit.are_fit_ids(r.user_id, r.event_id, r.target_id))
      and audit.is_fit(r.id, r.occurred_at, r.action, r.entity_type, r.request_id, oldest, latest)
      and audit.is_document_fit(r.metadata, r.printed_metadata, is_plain)
      and audit.is_document_fit(r.context, r.printed_context, is_plain)
      and (r.rare is null or audit.is_rare_fit(r.rare)),
    r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
    r.action, r.entity_type, r.request_id, r.metadata, r.context,
    r.rare ->> 'outcome', r.rare ->> 'actor_id', r.rare ->> 'actor_kind'
  from (
    select
      (e ->> 0)::uuid as id, (e ->> 1)::timestamptz as occurred_at, (e ->> 2)::bigint as recorder_seq,
      e ->> 3 as user_id, e ->> 4 as event_id, e ->> 5 as target_id,
      not ids_are_text or jsonb_typeof(e -> 3) in ('string', 'null')
        and jsonb_typeof(e -> 4) in ('string', 'null')
        and jsonb_typeof(e -> 5) in ('string', 'null') as are_texts,
      e ->> 6 as action, e ->> 7 as entity_type, e ->> 8 as request_id,
      e -> 9 as metadata, e -> 10 as context, e -> 11 as rare,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 9 end as printed_metadata,
      case when not is_plain and pg_column_size(e) < 16384 then e ->> 10 end as printed_context
    from jsonb_array_elements(slice) as e
    offset 0
  ) as r
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
  is_known boolean := true;
begin
  select * into head from audit.audit_head;
  select * into server from audit.server_identity();
  state := 'same';
  if head.history is distinct from known_history then
    state := case when known_history is null then 'same' else 'new' end;
  elsif known_id is not null then
    -- With its values the statement is planned for one partition. A plan that is kept locks all.
    execute 'select exists (select from audit.audit_log as l where l.id = $1 and l.seq = $2)'
    into is_known using known_id, known_seq;
    -- What a policy removed is not lost.
    is_known := is_known or exists (
      select from audit.audit_removed as r where known_seq between r.first_seq and r.last_seq
    );
    state := case when is_known then 'same' else 'lost' end;
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
      delete from audit.audit_import_sentinel;
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
  id := audit.id_of_seq(head.seq);
end
$$;
--> statement-breakpoint
-- The last number of the log, for those who have no right on the head itself. The function is
-- STABLE, so it sees what the statement around it sees: that statement has then seen every entry up
-- to this number.
CREATE OR REPLACE FUNCTION "audit"."last_seq"() RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  return (select h.seq from audit.audit_head as h);
end
$$;
--> statement-breakpoint
-- How many entries of a table that was taken out of the log are on hold and nowhere in the log: a hold
-- was placed since. They stay until somebody undoes the removal or releases the hold.
CREATE OR REPLACE FUNCTION "audit"."held_since"("swap" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  gone audit.audit_swap;
  condition text := audit.held_condition();
  held bigint := 0;
begin
  select * into gone from audit.audit_swap as s
  where s.swap = held_since.swap and s.state = 'swapped';
  if found and condition <> 'false' then
    execute format(
      'select count(*) from audit.%I as r '
      'where (%s) and r.seq <@ $1 and not exists (select from audit.audit_log as l where l.id = r.id)',
      gone.detached, condition)
    into held using gone.runs::int8multirange;
  end if;
  return held;
end
$$;
--> statement-breakpoint
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
-- The ids that a value of an entry's JSON can stand for: itself, the id of an object, or those of an
-- array. Each as it is written, cut as the columns of text ids cut it, and as the log's columns print
-- a UUID.
CREATE OR REPLACE FUNCTION "audit"."texts_of"("given" json) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(array_agg(forms.form), '{}')
  from json_array_elements(
    case when json_typeof(given) = 'array' then given else json_build_array(given) end) as one,
  lateral (
    select case when json_typeof(one) = 'object' then one ->> 'id' else one #>> '{}' end
  ) as seen (id),
  lateral unnest(array[
    left(seen.id, audit.bound('text_characters')::integer), audit.uuid_or_null(seen.id)::text
  ]) as forms (form)
  where forms.form is not null
$$;
--> statement-breakpoint
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
--> statement-breakpoint
-- The legal holds, oldest first: those in force, and with "released" also those that are not any more.
CREATE OR REPLACE FUNCTION "audit"."list_holds"(
  "released" boolean DEFAULT false, OUT "id" uuid, OUT "reason" text, OUT "user_id" text,
  OUT "event_id" text, OUT "target_id" text, OUT "request_id" text, OUT "from_at" text,
  OUT "to_at" text, OUT "placed_by" text, OUT "placed_at" text, OUT "released_by" text,
  OUT "released_at" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.id, h.reason, h.user_id, h.event_id, h.target_id, h.request_id,
    to_json(h.from_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(h.to_at at time zone 'UTC') #>> '{}' || 'Z',
    h.placed_by, to_json(h.placed_at at time zone 'UTC') #>> '{}' || 'Z',
    h.released_by, to_json(h.released_at at time zone 'UTC') #>> '{}' || 'Z'
  from audit.audit_hold as h
  where released or h.released_at is null
  order by h.placed_at, h.id
$$;
--> statement-breakpoint
-- Places a legal hold: what meets all of its conditions is not removed, by any policy, erasure or
-- dropped dead letter, until the hold is released. "user_id" also holds what the user did as the actor,
-- "target_id" what was done to it among others. A time is met by when an entry says that it happened and by
-- when it was recorded. Returns the hold's id and leaves an entry "audit.hold".
--
-- A session that removes entries locks the table in SHARE mode before looking, and this insert waits for it.
CREATE OR REPLACE FUNCTION "audit"."place_hold"(
  "reason" text, "user_id" text DEFAULT null, "event_id" text DEFAULT null,
  "target_id" text DEFAULT null, "request_id" text DEFAULT null,
  "from_at" timestamptz DEFAULT null, "to_at" timestamptz DEFAULT null
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
declare
  placed audit.audit_hold;
begin
  placed.reason := btrim(reason);
  if coalesce(char_length(placed.reason), 0) not between 1 and 1000 then
    raise exception 'a hold needs a reason of 1 to 1000 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  if num_nonnulls(user_id, event_id, target_id, request_id, from_at, to_at) = 0 then
    raise exception 'a hold needs a user, an event, a target, a request or a time'
      using errcode = 'invalid_parameter_value';
  end if;
  if from_at >= to_at then
    raise exception 'a hold''s time must end after it begins'
      using errcode = 'invalid_parameter_value';
  end if;
  if request_id = '' then
    raise exception 'an empty text cannot be the request of an entry'
      using errcode = 'invalid_parameter_value';
  end if;
  placed.id := gen_random_uuid();
  placed.user_id := audit.hold_id(user_id, 'user');
  placed.event_id := audit.hold_id(event_id, 'event');
  placed.target_id := audit.hold_id(target_id, 'target');
  placed.request_id := left(request_id, audit.bound('text_characters')::integer);
  placed.from_at := from_at;
  placed.to_at := to_at;
  placed.placed_by := session_user;
  placed.placed_at := clock_timestamp();
  insert into audit.audit_hold select placed.*;
  perform audit.put_ours(
    'audit.hold', null,
    jsonb_strip_nulls(jsonb_build_object(
      'hold', placed.id, 'reason', placed.reason, 'userId', placed.user_id,
      'eventId', placed.event_id, 'targetId', placed.target_id, 'requestId', placed.request_id,
      'from', placed.from_at, 'to', placed.to_at
    )),
    jsonb_build_object('databaseLogin', session_user)
  );
  return placed.id;
end
$$;
--> statement-breakpoint
-- Releases a legal hold and leaves an entry "audit.hold_release". The hold's row stays, with who
-- released it and when. Returns whether there was such a hold in force.
CREATE OR REPLACE FUNCTION "audit"."release_hold"("hold" uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
  with released as (
    update audit.audit_hold as h set released_at = clock_timestamp(), released_by = session_user
    where h.id = hold and h.released_at is null returning h.*
  ),
  traced as (
    select audit.put_ours(
      'audit.hold_release', null,
      jsonb_build_object(
        'hold', r.id, 'reason', r.reason, 'placedBy', r.placed_by, 'placedAt', r.placed_at),
      jsonb_build_object('databaseLogin', session_user)
    )
    from released as r
  )
  select exists (select from traced)
$$;
--> statement-breakpoint
-- Begins an import, or goes on with it, and returns whether it goes on. Each call leaves an entry
-- "audit.import" in the log. It raises where the import was begun with another mapping, which would
-- make other entries of the same rows.
--
-- The import has an account as a recorder has, so that "status" shows what became of its rows. Nobody
-- knows a key that fits its hash, so nobody can stage or report in its name.
CREATE OR REPLACE FUNCTION "audit"."begin_import"("name" text, "source" text, "mapping" text)
RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
declare
  run audit.audit_import_run;
  goes_on boolean;
begin
  if name is null or char_length(name) not between 1 and audit.bound('text_characters')
    or source is null or char_length(source) not between 1 and audit.bound('text_characters')
    or mapping is null or mapping !~ '^[0-9a-f]{64}$'
  then
    raise exception 'an import has a name, a source and the SHA-256 of its mapping'
      using errcode = 'invalid_parameter_value';
  end if;
  insert into audit.audit_import_run (name, source, mapping, recorder_id)
  values (begin_import.name, begin_import.source, begin_import.mapping, gen_random_uuid())
  on conflict do nothing;
  goes_on := not found;
  select r.* into run from audit.audit_import_run as r where r.name = begin_import.name for update;
  if run.mapping <> begin_import.mapping then
    raise exception 'the import was begun with another mapping'
      using errcode = 'object_not_in_prerequisite_state',
            hint = 'Its rows would become other entries. Use the mapping of then, or another name.';
  end if;
  update audit.audit_import_run as r set done_at = null where r.name = run.name;
  insert into audit.audit_report as p (id, started_at, seen_at, key_hash)
  values (run.recorder_id, clock_timestamp(), clock_timestamp(),
    encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'))
  on conflict (id) do update set seen_at = clock_timestamp(), closed_at = null;
  perform audit.put_ours(
    'audit.import', null,
    jsonb_build_object(
      'state', case when goes_on then 'resumed' else 'begun' end,
      'name', run.name, 'source', begin_import.source, 'mapping', run.mapping,
      'recorderId', run.recorder_id, 'read', run.read, 'refused', run.refused
    ),
    '{}'
  );
  return goes_on;
end
$$;
--> statement-breakpoint
-- Ends an import whose source was read to its end and whose lane was seen empty, and leaves an entry
-- "audit.import" with the counts. A row that came twice is logged once, and its repetitions are no
-- entries that the account of the import could miss.
CREATE OR REPLACE FUNCTION "audit"."end_import"(
  "name" text, OUT "read" bigint, OUT "refused" bigint, OUT "logged" bigint,
  OUT "repeated" bigint, OUT "dead_letters" bigint
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
declare
  run audit.audit_import_run;
begin
  select r.* into run from audit.audit_import_run as r where r.name = end_import.name for update;
  if not found then
    raise exception 'there is no such import' using errcode = 'no_data_found';
  end if;
  read := run.read;
  refused := run.refused;
  select coalesce(sum(a.logged), 0) into logged
  from audit.audit_recorder as a where a.id = run.recorder_id;
  select count(*) into dead_letters
  from audit.audit_dead_letter as d where d.recorder_id = run.recorder_id;
  repeated := greatest(0, read - refused - logged - dead_letters);
  update audit.audit_import_run as r
  set done_at = clock_timestamp(), logged = end_import.logged where r.name = run.name;
  update audit.audit_report as p set
    seen_at = clock_timestamp(), closed_at = clock_timestamp(),
    accepted = end_import.logged + end_import.dead_letters,
    staged = end_import.logged + end_import.dead_letters
  where p.id = run.recorder_id;
  perform audit.put_ours(
    'audit.import', null,
    jsonb_build_object(
      'state', 'ended', 'name', run.name, 'source', run.source, 'mapping', run.mapping,
      'recorderId', run.recorder_id, 'read', read, 'refused', refused, 'logged', logged,
      'repeated', repeated, 'deadLetters', dead_letters
    ),
    '{}'
  );
end
$$;
--> statement-breakpoint
-- The epoch of the lane of an import. A crash that empties the lane empties its sentinel, too; then
-- the lane gets a new one.
CREATE OR REPLACE FUNCTION "audit"."import_epoch"() RETURNS uuid
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  found_epoch uuid := (select s.epoch from audit.audit_import_sentinel as s);
begin
  if found_epoch is not null then
    return found_epoch;
  end if;
  -- One session at a time. The others find the new epoch when they get the lock.
  perform 1 from audit.audit_lane as l where l.lane = 'import' for update;
  select s.epoch into found_epoch from audit.audit_import_sentinel as s;
  if found_epoch is null then
    found_epoch := gen_random_uuid();
    insert into audit.audit_import_sentinel (epoch) values (found_epoch);
    update audit.audit_lane as l
    set epoch = found_epoch, epoch_since = clock_timestamp(), resets = l.resets + 1
    where l.lane = 'import';
  end if;
  return found_epoch;
end
$$;
--> statement-breakpoint
-- The smallest id that an import may bring in. What a policy has removed from the log stays removed, so
-- it is the retention line where there is one.
CREATE OR REPLACE FUNCTION "audit"."oldest_import"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select greatest(l.oldest_id, audit.retention_line())
  from audit.audit_lane as l where l.lane = 'import'
$$;
--> statement-breakpoint
-- Puts rows into the lane of an import one by one, each after a close look. Each row is an array of
-- values in the order of typed_rows(). Returns those that cannot be taken: the number that the import
-- gave each, the SQLSTATE and the reason. The importer lists them, so they are no dead letters.
CREATE OR REPLACE FUNCTION "audit"."place_imported"(
  "entries" json, "recorder" uuid, "oldest" uuid, "latest" uuid
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  seen record;
  refused jsonb := '[]';
begin
  for given in select e from json_array_elements(entries) with ordinality as t (e, n) order by n loop
    seen := audit.examine(
      json_build_object(
        'id', given -> 0, 'occurred_at', given -> 1, 'recorder_seq', given -> 2,
        'user_id', given -> 3, 'event_id', given -> 4, 'target_id', given -> 5,
        'action', given -> 6, 'entity_type', given -> 7, 'request_id', given -> 8,
        'metadata', given -> 9, 'context', given -> 10,
        'outcome', given -> 11 -> 'outcome', 'actor_id', given -> 11 -> 'actor_id',
        'actor_kind', given -> 11 -> 'actor_kind', 'more_targets', given -> 11 -> 'more_targets'
      ),
      octet_length(given::text), oldest, latest, true
    );
    if seen.refusal is not null then
      refused := refused || jsonb_build_object(
        'number', (given ->> 2)::bigint, 'sqlstate', seen.refusal, 'reason', seen.reason
      );
    else
      seen.entry.recorder_id := recorder;
      insert into audit.audit_import select (seen.entry).*;
    end if;
  end loop;
  return refused;
end
$$;
--> statement-breakpoint
-- How far an import is, which kind of ids the log has, 'uuid' or 'text', and the smallest id that an
-- import may bring in. The columns of the import are null where there is none of this name.
CREATE OR REPLACE FUNCTION "audit"."read_import"(
  "name" text, OUT "ids" text, OUT "oldest" uuid, OUT "mapping" text, OUT "recorder" uuid,
  OUT "last_key" text, OUT "read" bigint, OUT "refused" bigint, OUT "logged" bigint,
  OUT "begun_at" timestamptz, OUT "done_at" timestamptz
)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
begin
  ids := pg_typeof((select i.user_id from audit.audit_import as i where false));
  oldest := audit.oldest_import();
  select r.mapping, r.recorder_id, r.last_key, r.read, r.refused, coalesce(a.logged, 0),
    r.begun_at, r.done_at
  into mapping, recorder, last_key, read, refused, logged, begun_at, done_at
  from audit.audit_import_run as r
  left join audit.audit_recorder as a on a.id = r.recorder_id
  where r.name = read_import.name;
end
$$;
--> statement-breakpoint
-- Notes how far an import is, once its lane is seen empty in the epoch in which the rows were staged:
-- then the log has all of them. Returns 'settled'; 'waiting' while rows of it are in the lane; and
-- 'emptied' where a crash has emptied the lane since. The importer then reads on behind the last key
-- that was noted, and the ids keep what was logged from being logged twice.
CREATE OR REPLACE FUNCTION "audit"."settle_import"(
  "name" text, "epoch" uuid, "last_key" text, "read" bigint, "refused" bigint
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
declare
  run audit.audit_import_run;
begin
  -- The lock comes before the look, as in lane_state(): compaction puts rows back.
  lock table audit.audit_import in access share mode;
  select r.* into run from audit.audit_import_run as r where r.name = settle_import.name;
  if (select s.epoch from audit.audit_import_sentinel as s) is distinct from settle_import.epoch then
    return 'emptied';
  end if;
  if exists (select from audit.audit_import as i where i.recorder_id = run.recorder_id) then
    -- A long wait is no death.
    update audit.audit_report as p set seen_at = clock_timestamp()
    where p.id = run.recorder_id and p.seen_at < clock_timestamp() - interval '5 seconds';
    return 'waiting';
  end if;
  update audit.audit_import_run as r set
    last_key = settle_import.last_key, read = settle_import.read, refused = settle_import.refused,
    logged = coalesce((select a.logged from audit.audit_recorder as a where a.id = r.recorder_id), 0)
  where r.name = settle_import.name and r.read < settle_import.read;
  update audit.audit_report as p set
    seen_at = clock_timestamp(),
    accepted = greatest(p.accepted, settle_import.read - settle_import.refused),
    staged = greatest(p.staged, settle_import.read - settle_import.refused)
  where p.id = run.recorder_id;
  return 'settled';
end
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
-- Puts rows of an import into its lane, and returns the lane's epoch and which rows it refused, as
-- place_imported() lists them. Slices and "odd" ones are those of stage(), and so is the way that a
-- row goes: one statement takes the rows that are fit as they are, and each other one is looked at.
CREATE OR REPLACE FUNCTION "audit"."stage_import"(
  "name" text, "slices" text[], "odd" text[], OUT "epoch" uuid, OUT "refused" jsonb
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
declare
  recorder uuid := (
    select r.recorder_id from audit.audit_import_run as r where r.name = stage_import.name
  );
  oldest uuid := audit.oldest_import();
  latest uuid := audit.latest_id();
  writer text := session_user;
  ids_are_text boolean := pg_typeof(
    (select i.user_id from audit.audit_import as i where false)) = 'text'::regtype;
  others json;
begin
  if recorder is null then
    raise exception 'there is no such import' using errcode = 'no_data_found';
  end if;
  epoch := audit.import_epoch();
  refused := '[]';
  if ids_are_text then
    slices := slices || odd;
  end if;
  begin
    if ids_are_text then
      insert into audit.audit_import (
        recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
        action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
      )
      select
        recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
        r.action, r.entity_type, r.request_id, r.metadata, r.context,
        r.outcome, r.actor_id, r.actor_kind
      from (
        select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
        from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
        offset 0
      ) as s
      cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest, true) as r
      where case when r.fits then true else audit.mark_unfit() end;
    else
      insert into audit.audit_import (
        recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
        action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
      )
      select
        recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id::uuid, r.event_id::uuid,
        r.target_id::uuid, r.action, r.entity_type, r.request_id, r.metadata, r.context,
        r.outcome, r.actor_id::uuid, r.actor_kind
      from (
        select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
        from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
        offset 0
      ) as s
      cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest, false) as r
      where case when r.fits then true else audit.mark_unfit() end;
    end if;
    if current_setting('audit.unfit', true) = 'yes' then
      perform set_config('audit.unfit', '', true);
      select json_agg(e) into others
      from (
        select given, audit.is_plain(given, jsonb_array_length(given::jsonb)) as is_plain
        from unnest(slices) as given
        offset 0
      ) as s
      cross join lateral json_array_elements(s.given::json) as e
      cross join lateral audit.typed_rows(
        jsonb_build_array(e::jsonb), s.is_plain, oldest, latest, ids_are_text
      ) as r
      where r.fits is not true;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- Postgres has undone the insert.
    select json_agg(e) into others
    from unnest(slices) as slice cross join lateral json_array_elements(slice::json) as e;
  end;
  if others is not null then
    refused := refused || audit.place_imported(others, recorder, oldest, latest);
  end if;
  if not ids_are_text and cardinality(odd) > 0 then
    select json_agg(e) into others
    from unnest(odd) as slice cross join lateral json_array_elements(slice::json) as e;
    refused := refused || audit.place_imported(others, recorder, oldest, latest);
  end if;
end
$$;
--> statement-breakpoint
-- Erases the names of a user, in each event. Returns how many were left: each one goes with the last entry that
-- has it.
CREATE OR REPLACE FUNCTION "audit"."erase_labels"("user_id" text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given constant text := audit.hold_id(user_id, 'user');
  erased bigint;
begin
  delete from audit.audit_label as k where k.subject = given;
  get diagnostics erased = row_count;
  return erased;
end
$$;
--> statement-breakpoint
-- How many names are known, and of how many users and actors.
CREATE OR REPLACE FUNCTION "audit"."label_counts"(OUT "labels" bigint, OUT "subjects" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select count(*), count(distinct k.subject) from audit.audit_label as k
$$;
--> statement-breakpoint
-- Turns it off, and forgets all names. Returns how many there were. The entries keep theirs.
CREATE OR REPLACE FUNCTION "audit"."names_off"() RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  forgotten bigint;
begin
  -- First, so that what a relay is writing is waited for, and nothing is written after it.
  delete from audit.audit_follow as f where f.consumer = 'names';
  delete from audit.audit_label;
  get diagnostics forgotten = row_count;
  return forgotten;
end
$$;
--> statement-breakpoint
-- Turns on that the relay collects the names that entries give, from the beginning of the log on. Returns
-- the first number that it has looked at, or will.
CREATE OR REPLACE FUNCTION "audit"."names_on"() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select audit.begin_follow('names', 1)
$$;
--> statement-breakpoint
-- Forgets what was taken of entries with this number or a greater one, which a restore has taken back.
-- Returns how many names it changed.
CREATE OR REPLACE FUNCTION "audit"."rewind_labels"("from_seq" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  label audit.audit_label;
  changed bigint := 0;
begin
  for label in
    select * from audit.audit_label as k where k.last_seq >= from_seq
    order by k.subject, k.event, k.name for update
  loop
    if label.first_seq >= from_seq then
      delete from audit.audit_label as k
      where k.subject = label.subject and k.event = label.event and k.name = label.name;
    else
      update audit.audit_label as k set last_seq = from_seq - 1
      where k.subject = label.subject and k.event = label.event and k.name = label.name;
    end if;
    changed := changed + 1;
  end loop;
  return changed;
end
$$;
--> statement-breakpoint
-- Keeps the names that the entries with these numbers give to their users and actors, at most 65,536
-- numbers at a time. The names are read from the log, so a caller cannot make one up. Of one id in
-- one event the 20 names that were used last are kept. It can be called again for the same numbers.
-- Returns how many names the entries had.
CREATE OR REPLACE FUNCTION "audit"."take_labels"("from_seq" bigint, "to_seq" bigint) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- By the index on seq. Nothing else is cheaper, whatever the statistics say.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
declare
  most constant bigint := 65536;
  most_names constant integer := 20;
  range record;
  subjects text[] := '{}';
  taken text[];
begin
  if from_seq < 1 or to_seq < from_seq or to_seq - from_seq >= most then
    raise exception 'no names from % to %', from_seq, to_seq using errcode = 'invalid_parameter_value';
  end if;
  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all. The
    -- order of the keys keeps two relays from a deadlock.
    execute $query$
      with named as (
        select l.seq, coalesce(l.event_id::text, '') as event, w.subject,
          audit.label_name(w.named, w.subject) as name
        from audit.audit_log as l
        cross join lateral (values
          (l.user_id::text, l.context -> 'user'), (l.actor_id::text, l.context -> 'actor')
        ) as w (subject, named)
        where l.seq between $1 and $2 and l.id >= $3 and ($4 is null or l.id < $4)
          and w.subject is not null and w.named is not null
      ),
      put as (
        insert into audit.audit_label as k (subject, event, name, first_seq, last_seq)
        select n.subject, n.event, n.name, min(n.seq), max(n.seq)
        from named as n where n.name is not null
        group by n.subject, n.event, n.name order by n.subject, n.event, n.name
        on conflict on constraint audit_label_pkey do update
        set first_seq = least(k.first_seq, excluded.first_seq),
          last_seq = greatest(k.last_seq, excluded.last_seq)
        returning k.subject
      )
      select array_agg(p.subject) from put as p
      $query$
    into taken using from_seq, to_seq, range.from_id, range.to_id;
    subjects := subjects || taken;
  end loop;
  if cardinality(subjects) > 0 then
    delete from audit.audit_label as k
    using (
      select o.ctid as place, row_number() over (
        partition by o.subject, o.event order by o.last_seq desc, o.name) as n
      from audit.audit_label as o where o.subject = any(subjects)
    ) as old
    where k.ctid = old.place and old.n > most_names;
  end if;
  return cardinality(subjects);
end
$$;
--> statement-breakpoint
-- Forgets names that no entry has any more, because a policy removed the last one: it looks at this many
-- names at most, and returns how many it has looked at.
CREATE OR REPLACE FUNCTION "audit"."tidy_labels"("max_rows" integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  label audit.audit_label;
  looked integer := 0;
begin
  for label in
    select k.* from audit.audit_label as k
    where k.last_seq <= (
      select r.last_seq from audit.audit_removed as r
      where r.first_seq <= k.last_seq order by r.first_seq desc limit 1)
    order by k.subject, k.event, k.name limit max_rows for update
  loop
    perform audit.keep_label(label);
    looked := looked + 1;
  end loop;
  return looked;
end
$$;
--> statement-breakpoint
-- Raises unless this is the key of the recorder. A recorder's key is the first one that came with its
-- id, and its hash is kept.
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
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.lane_look knows the lanes staging, outbox and import'
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
  "id" uuid, "occurred_at" timestamptz, "user_id" text, "event_id" text, "target_id" text,
  "recorder_id" uuid, "recorder_seq" bigint, "action" text, "entity_type" text, "request_id" text,
  "metadata" jsonb, "context" jsonb,
  "outcome" text, "actor_id" text, "actor_kind" text, "more_targets" text[]
) RETURNS text
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select row_to_json(r)::text
  from (
    select id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq,
      action, entity_type, request_id, metadata, context,
      outcome, actor_id, actor_kind, more_targets
  ) as r
$$;
--> statement-breakpoint
-- Writes down that somebody read the log, as an entry "audit.read", or that somebody was refused, as
-- "audit.read_denied", in the outbox lane. "user_id" may be any text: one that its column cannot hold
-- goes to context.invalid. Metadata and context are bounded as those of any entry. It raises where they are
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
  seen := audit.examine(given, octet_length(given::text), null, null, true);
  if seen.refusal is not null then
    raise exception 'audit.note_read refused what was read: %', seen.reason
      using errcode = seen.refusal;
  end if;
  return audit.put_ours(
    case when denied then 'audit.read_denied' else 'audit.read' end,
    -- By JSON, because a kept plan for the column itself fails once its type has changed.
    row_to_json(seen.entry) ->> 'user_id', (seen.entry).metadata, (seen.entry).context
  );
end
$$;
--> statement-breakpoint
-- Makes a dead letter of an entry that a lane does not take. Of a text that is longer than an entry
-- may be it keeps the first part, and the reason says how long the text was. A copy of an entry of which
-- something was erased makes none: it may be too old for its lane by now.
CREATE OR REPLACE FUNCTION "audit"."bury"(
  "lane" text, "origin" text, "sqlstate" text, "reason" text, "id" text,
  "recorder" uuid, "recorder_seq" bigint, "entry" text
) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  with copy as materialized (
    select from unnest(audit.drop_copies(array[audit.uuid_or_null(bury.id)]))
    where exists (select from audit.audit_erasure)
  )
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
  where not exists (select from copy)
  on conflict (recorder_id, recorder_seq, hashtextextended(entry, 0)) where recorder_id is not null
  do nothing
$$;
--> statement-breakpoint
-- Puts the entries of a JSON array into a lane one by one, each after a close look, and returns how
-- many it took. An entry that the lane can never take becomes a dead letter, or raises with its
-- SQLSTATE where "raises" is true, and so does one whose time cannot be read. Rows of the fast lane are arrays of values in the order of
-- typed_rows(), all others objects.
CREATE OR REPLACE FUNCTION "audit"."place_entries"(
  "target" text, "entries" json, "recorder" uuid, "oldest" uuid, "latest" uuid,
  "redacted" boolean, "raises" boolean
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
        'metadata', given -> 9, 'context', given -> 10,
        'outcome', given -> 11 -> 'outcome', 'actor_id', given -> 11 -> 'actor_id',
        'actor_kind', given -> 11 -> 'actor_kind', 'more_targets', given -> 11 -> 'more_targets'
      );
    end if;
    seen := audit.examine(given, bytes, oldest, latest, redacted);
    if raises and coalesce(seen.refusal, seen.time_refusal) is not null then
      raise exception 'audit.record_in refused an entry: %', coalesce(seen.reason, seen.time_fault)
        using errcode = coalesce(seen.refusal, seen.time_refusal);
    end if;
    if seen.refusal is not null then
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
-- Made from src/redact by "npm run schema:make".
-- Whether a JSON text may hold a key that names a secret. A key with an escape may be any.
CREATE OR REPLACE FUNCTION "audit"."may_hold_secret"("given" text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select given ~* $re$(?:pass|pw|psw|secret|segret|token|cred|auth|cookie|key|pin|puk|otp|cv[vnc]|csc|code|jwt|jeton|bearer|sess|sid|saml|hmac|sas|geheim|contra|kennw|mdp|mot|senha|wacht|woord|seno|adgang|kodeo|hasl|hesl|parol|paro|jelsz|sala|sifre|slap|geslo|lozin|connect|number|clave|sandi|khau|mima|losen|kod|[^\u0001-\u007f]|\\u)(?:[^"\\]|\\.)*"[[:space:]]*:$re$ collate "C"
$$;
--> statement-breakpoint
-- Puts an array of entries, or one, into the outbox lane and returns how many it took. It raises
-- where the text is no JSON of entries or a time is none. An entry that the lane can never take
-- becomes a dead letter, or raises where "raises" is true. record() and record_in() share it.
--
-- One statement takes the entries that are fit as they are. Only where it met another one, or the
-- text is longer than one entry may be, examine() looks at each of those. It looks at all of them
-- where a key names a secret or is no column's, unless the library has "redacted" the entries, and
-- where an id for a text column is no string.
CREATE OR REPLACE FUNCTION "audit"."put_entries"(
  "entries" text, "redacted" boolean, "raises" boolean
) RETURNS integer
LANGUAGE plpgsql VOLATILE AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  ids_are_text boolean;
  given jsonb;
  is_plain boolean;
  others json;
  taken integer := 0;
begin
  select l.oldest_id,
    pg_typeof((select o.user_id from audit.audit_outbox as o where false)) = 'text'::regtype
  into oldest, ids_are_text
  from audit.audit_lane as l where l.lane = 'outbox';
  if octet_length(entries) > audit.bound('entry_bytes') then
    return audit.place_entries(
      'outbox', audit.array_of(entries), null, oldest, latest, redacted, raises);
  end if;
  given := entries::jsonb;
  if jsonb_typeof(given) = 'object' then
    given := jsonb_build_array(given);
  end if;
  if ids_are_text and audit.has_odd_ids(given)
    or not redacted and (
      audit.has_other_names(given)
      or (audit.may_hold_secret(entries) and audit.holds_secret(given))
    )
  then
    return audit.place_entries(
      'outbox', audit.array_of(entries), null, oldest, latest, redacted, raises);
  end if;
  is_plain := audit.is_plain(entries, jsonb_array_length(given));
  if ids_are_text then
    insert into audit.audit_outbox (
      written_by, id, occurred_at, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
    )
    select
      writer, e.id, e.occurred_at, e.user_id, e.event_id, e.target_id,
      e.action, e.entity_type, e.request_id, e.metadata, e.context,
      e.outcome, e.actor_id, e.actor_kind
    from audit.typed_entries(given, redacted, is_plain, oldest, latest, true) as e
    where case when e.fits then true else audit.mark_unfit() end;
    get diagnostics taken = row_count;
  else
    insert into audit.audit_outbox (
      written_by, id, occurred_at, user_id, event_id, target_id,
      action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
    )
    select
      writer, e.id, e.occurred_at, e.user_id::uuid, e.event_id::uuid, e.target_id::uuid,
      e.action, e.entity_type, e.request_id, e.metadata, e.context,
      e.outcome, e.actor_id::uuid, e.actor_kind
    from audit.typed_entries(given, redacted, is_plain, oldest, latest, false) as e
    where case when e.fits then true else audit.mark_unfit() end;
    get diagnostics taken = row_count;
  end if;
  if current_setting('audit.unfit', true) = 'yes' then
    perform set_config('audit.unfit', '', true);
    -- By the same is_plain: an entry that it was decided about in another way would be lost or doubled.
    select json_agg(g order by n) into others
    from json_array_elements(audit.array_of(entries)) with ordinality as t (g, n)
    cross join lateral audit.typed_entries(
      jsonb_build_array(g::jsonb), redacted, is_plain, oldest, latest, ids_are_text
    ) as e
    where e.fits is not true;
    taken := taken + audit.place_entries(
      'outbox', others, null, oldest, latest, redacted, raises);
  end if;
  return taken;
end
$$;
--> statement-breakpoint
-- Puts one entry, or an array of entries, into the outbox lane in the caller's own transaction. Any
-- language and any trigger can call it. The entries are JSON text with the columns' names as keys, or
-- those of the library: action, user_id, event_id, target_id, entity_type, request_id, metadata,
-- context, occurred_at, id, or userId and so on. What else is given is kept in the context. Values
-- whose key names a secret are censored. Returns how many entries the lane took.
--
-- "redacted" says that the library has made the entries: they are as the lane wants them, and their
-- secrets are censored already.
--
-- It never raises, so it never aborts the caller's transaction. plpgsql cannot catch a cancel, a
-- statement_timeout or a lost connection: those are the exceptions.
CREATE OR REPLACE FUNCTION "audit"."record"("entries" text, "redacted" boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
SET plan_cache_mode = force_generic_plan AS $$
begin
  begin
    return audit.put_entries(entries, redacted is true, false);
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
      audit.latest_id(), redacted is true, false
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
-- how many entries that were. It also raises for an occurred_at that is no time, where record()
-- stores now.
CREATE OR REPLACE FUNCTION "audit"."record_in"("entries" text, "redacted" boolean DEFAULT false)
RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
begin
  if entries is null then
    raise exception 'neither an entry nor an array of entries'
      using errcode = 'null_value_not_allowed';
  end if;
  return audit.put_entries(entries, redacted is true, true);
end
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
-- Puts a recorder's rows into the fast lane, and returns the lane's epoch and which kind of ids its
-- columns hold, 'uuid' or 'text'. Each slice is a JSON array of rows, a row an array of values in the
-- order of typed_rows(). Rows of which an id is no UUID stand in the slices "odd": text columns take
-- them as all others, and where the columns are uuid examine() looks at each of them. Only the holder
-- of the recorder's key may write in its name. A row that the lane can never take becomes a dead
-- letter. The function raises, and takes nothing, where a slice is no JSON array.
--
-- One statement takes the rows that are fit as they are. Only where it met another one, or a value
-- that the database cannot hold, examine() looks at each of those. Plans are kept, and do not depend
-- on the parameters: to plan the statement costs as much as to stage some forty rows.
CREATE OR REPLACE FUNCTION "audit"."stage"(
  "recorder" uuid, "key" text, "slices" text[], "odd" text[] DEFAULT '{}',
  OUT "epoch" uuid, OUT "ids" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
declare
  oldest uuid;
  latest uuid := audit.latest_id();
  writer text := session_user;
  ids_are_text boolean;
  others json;
begin
  perform audit.claim_recorder(recorder, key);
  select l.oldest_id, pg_typeof((select s.user_id from audit.audit_staging as s where false))
  into oldest, ids
  from audit.audit_lane as l where l.lane = 'staging';
  ids_are_text := ids = 'text';
  if ids_are_text then
    slices := slices || odd;
  end if;
  begin
    if ids_are_text then
      insert into audit.audit_staging (
        recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
        action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
      )
      select
        recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id, r.event_id, r.target_id,
        r.action, r.entity_type, r.request_id, r.metadata, r.context,
        r.outcome, r.actor_id, r.actor_kind
      from (
        select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
        from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
        offset 0
      ) as s
      cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest, true) as r
      where case when r.fits then true else audit.mark_unfit() end;
    else
      insert into audit.audit_staging (
        recorder_id, written_by, id, occurred_at, recorder_seq, user_id, event_id, target_id,
        action, entity_type, request_id, metadata, context, outcome, actor_id, actor_kind
      )
      select
        recorder, writer, r.id, r.occurred_at, r.recorder_seq, r.user_id::uuid, r.event_id::uuid,
        r.target_id::uuid, r.action, r.entity_type, r.request_id, r.metadata, r.context,
        r.outcome, r.actor_id::uuid, r.actor_kind
      from (
        select s.slice, audit.is_plain(s.given, jsonb_array_length(s.slice)) as is_plain
        from (select given, given::jsonb as slice from unnest(slices) as given offset 0) as s
        offset 0
      ) as s
      cross join lateral audit.typed_rows(s.slice, s.is_plain, oldest, latest, false) as r
      where case when r.fits then true else audit.mark_unfit() end;
    end if;
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
        jsonb_build_array(e::jsonb), s.is_plain, oldest, latest, ids_are_text
      ) as r
      where r.fits is not true;
    end if;
  exception when data_exception or program_limit_exceeded or statement_too_complex then
    -- Postgres has undone the insert.
    select json_agg(e) into others
    from unnest(slices) as slice cross join lateral json_array_elements(slice::json) as e;
  end;
  if others is not null then
    perform audit.place_entries('staging', others, recorder, oldest, latest, true, false);
  end if;
  if not ids_are_text and cardinality(odd) > 0 then
    select json_agg(e) into others
    from unnest(odd) as slice cross join lateral json_array_elements(slice::json) as e;
    perform audit.place_entries('staging', others, recorder, oldest, latest, true, false);
  end if;
  epoch := (select s.epoch from audit.audit_sentinel as s);
end
$$;
--> statement-breakpoint
-- Deletes a dead letter and returns whether there was such a letter. In the same transaction it
-- records an entry that says which letter it was, why the log had refused it and which login
-- dropped it. It also counts the drop in the account of the letter's recorder. It raises (55006) for a
-- letter that a legal hold is about.
CREATE OR REPLACE FUNCTION "audit"."drop_dead_letter"("letter" bigint) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  dead audit.audit_dead_letter;
  seen record;
begin
  perform audit.require_new_snapshots();
  lock table audit.audit_hold in share mode; -- no hold is placed between the look and the deletion
  select d.* into dead from audit.audit_dead_letter as d where d.number = letter for update;
  if not found then
    return false;
  end if;
  seen := audit.hold_on_letter(dead);
  -- The command reads no message, but which table, constraint and column an error names.
  if seen.hold is not null and seen.is_readable then
    raise exception 'dead letter % is held by the legal hold %', letter, seen.hold
      using errcode = 'object_in_use', schema = 'audit', table = 'audit_hold',
        constraint = seen.hold::text;
  elsif seen.hold is not null then
    raise exception 'dead letter % cannot be read, and the legal hold % is in force',
      letter, seen.hold
      using errcode = 'object_in_use', schema = 'audit', table = 'audit_hold',
        constraint = seen.hold::text, column = 'entry';
  end if;
  delete from audit.audit_dead_letter as d where d.number = letter;
  if dead.recorder_id is not null then
    insert into audit.audit_report as r (id, dropped)
    values (dead.recorder_id, '{"dead_letter": 1}')
    on conflict (id) do update set dropped = r.dropped || jsonb_build_object(
      'dead_letter', coalesce((r.dropped ->> 'dead_letter')::bigint, 0) + 1);
  end if;
  perform audit.put_ours(
    'audit.dead_letter_drop', null,
    jsonb_build_object(
      'number', dead.number, 'sqlstate', dead.sqlstate, 'id', left(dead.id, 256),
      'lane', dead.lane, 'diedAt', dead.died_at, 'recorderId', dead.recorder_id,
      'writtenBy', dead.written_by
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  return true;
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
      (select l.oldest_id from audit.audit_lane as l where l.lane = 'outbox'), audit.latest_id(),
      dead.origin = 'stage'
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
-- The places and ids of the next rows of a lane (at most max_rows), in no order. Rows that another
-- session holds are left out. The relay asks when the log refused a batch, to find the row at fault.
CREATE OR REPLACE FUNCTION "audit"."list_places"(
  "lane" text, "max_rows" integer, OUT "place" text, OUT "id" uuid
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.list_places knows the lanes staging, outbox and import'
      using errcode = 'invalid_parameter_value';
  end if;
  return query execute format(
    'select l.ctid::text, l.id from audit.audit_%s as l limit $1 for update of l skip locked', lane)
  using max_rows;
end
$$;
--> statement-breakpoint
-- Notes what entries came late: the closed partitions that they are in hold greater numbers than before.
-- The ids are those of the first entries of a batch, in their order, so the first one has the number
-- behind head_before, and so on. audit.move calls it while it holds the head, as the session that closes a
-- partition does, so none of the two misses what the other has done.
CREATE OR REPLACE FUNCTION "audit"."note_late"("late_ids" uuid[], "head_before" bigint) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, pg_temp AS $$
  update audit.audit_partition as p set max_seq = late.max_seq
  from (
    select c.name, max(head_before + l.n) as max_seq
    from audit.audit_partition as c
    join unnest(late_ids) with ordinality as l (id, n) on l.id >= c.from_id and l.id < c.to_id
    where c.to_id > late_ids[1] and c.from_id <= late_ids[cardinality(late_ids)]
    group by c.name
  ) as late
  where p.name = late.name and p.max_seq < late.max_seq
$$;
--> statement-breakpoint
-- The smallest id of these days: two days ago, to the hour. The move looks for an id of these days in
-- the log without a function call, and nearly all are. A partition is closed at the earliest three
-- days after its end, so whatever lands in a closed one is older than this and is noted there.
CREATE OR REPLACE FUNCTION "audit"."these_days_from"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select audit.id_floor(date_trunc('hour', statement_timestamp()) - interval '48 hours')
$$;
--> statement-breakpoint
-- The smallest id behind these days, as audit.these_days_from says: a clock may be a day ahead.
CREATE OR REPLACE FUNCTION "audit"."these_days_to"() RETURNS uuid
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select audit.id_floor(date_trunc('hour', statement_timestamp()) + interval '48 hours')
$$;
--> statement-breakpoint
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
--> statement-breakpoint
-- Moves one batch out of the lane of an import, as the part of audit.move that takes the entries and
-- appends them to the log, in one statement. The other lanes' functions are the same but for the bounds
-- of the ids, so change all. The log stands at head_before, and audit.move has seen to it that nobody
-- else appends. Returns also how many new entries each recorder has, and its greatest number among
-- them, in the order of their ids; the ids of the new entries; and the rows that
-- left the lane and are not new, which audit.park_others then looks at.
--
-- What audit.take_from_staging says of its parts holds here, too, but for the ids. An import brings
-- entries of any age, and as a rule those of one month at a time. "lowest" and "highest" are the bounds
-- of the ids that the batch will have. They are found by a look before, so that they are constants of
-- the statement, which then locks and searches the partitions in between alone. A row beyond them that
-- came since is left for the next batch. The retention line is asked by the statement itself, which
-- begins once it has its locks: a swap that it waited for has moved the line.
CREATE OR REPLACE FUNCTION "audit"."take_from_import"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[],
  OUT "late_ids" uuid[], OUT "others" audit.audit_outbox[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
declare
  lowest uuid;
  highest uuid;
begin
  select (array_agg(l.id order by l.id))[1], (array_agg(l.id order by l.id desc))[1]
  into lowest, highest
  from (
    select l.id from audit.audit_import as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
    limit batch_entries
  ) as l;
  with claimed as materialized (
    select l.ctid from audit.audit_import as l
    where (from_place is null or l.ctid >= from_place) and (places is null or l.ctid = any(places))
      and l.id between lowest and highest
    limit batch_entries
    for update of l skip locked
  ),
  moved as (
    delete from audit.audit_import where ctid = any(array(select ctid from claimed))
    returning
      ctid as place, id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and coalesce(m.outcome in ('denied', 'failed', 'attempted'), true)
      and coalesce(m.actor_kind in ('api_key', 'service', 'system', 'agent'), true)
      and coalesce(cardinality(m.more_targets) between 1 and 100, true)
      and not exists (
        select from audit.audit_log as l
        where l.id = m.id and l.id between lowest and highest
      )
      and m.id >= (select audit.retention_line())
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.outcome, f.actor_id, f.actor_kind, case when f.more_targets is not null then
        (json_populate_record(null::audit.audit_log, json_build_object('more_targets', f.more_targets))).more_targets end,
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id),
    (select array_agg(f.id order by f.id) from fresh as f),
    (
      select array_agg(row(
        m.id, m.occurred_at, m.user_id, m.event_id, m.target_id, m.recorder_id, m.recorder_seq,
        m.action, m.entity_type, m.request_id, m.metadata, m.context, m.outcome, m.actor_id,
        m.actor_kind, m.more_targets, m.written_by, m.ours
      )::audit.audit_outbox)
      from moved as m
      where (select fresh < claimed from total) and m.place not in (select f.place from fresh as f)
    )
  into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
  from accounts as a;
end
$$;
--> statement-breakpoint
-- Moves one batch out of the lane outbox, as the part of audit.move that takes the entries and appends
-- them to the log, in one statement. The other lane's function is the same but for the lane's name, so
-- change both. The log stands at head_before, and audit.move has seen to it that nobody else appends.
-- Returns also how many new entries each recorder has, and its greatest number among them, in the
-- order of their ids; the ids of new entries from before these days, which come first and so have
-- the first numbers; and the rows that left the lane and are not new, which audit.park_others then
-- looks at.
--
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what the log's checks would refuse, what is in the log already, and all but
--   one of what came twice in this batch. It looks for an id of these days in the partitions of these
--   days, so that a log of many partitions is planned and locked no more than a small one. Other ids
--   are few, and audit.logged_entry looks for each. Among them are those below the retention line,
--   which is at least four days old.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - Ids are compared as text: those of the log may be text already where the lanes' still are uuid.
--   Postgres makes text of a uuid that it assigns, but not of a list of them.
-- - The statement is planned for its parameters each time. A kept plan that was made while a
--   partition was empty would read the whole partition from then on. It is static SQL, because to
--   parse it each time cost a tenth of a batch of 100. For the same reason it names no function of
--   ours that Postgres would put into its plan, and leaves the rare work to audit.park_others.
CREATE OR REPLACE FUNCTION "audit"."take_from_outbox"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[],
  OUT "late_ids" uuid[], OUT "others" audit.audit_outbox[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
declare
  these_days_from constant uuid := audit.these_days_from();
  these_days_to constant uuid := audit.these_days_to();
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
      ctid as place, id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and coalesce(m.outcome in ('denied', 'failed', 'attempted'), true)
      and coalesce(m.actor_kind in ('api_key', 'service', 'system', 'agent'), true)
      and coalesce(cardinality(m.more_targets) between 1 and 100, true)
      and not exists (
        select from audit.audit_log as l
        where l.id = m.id and l.id >= these_days_from and l.id < these_days_to
      )
      and case when m.id >= these_days_from and m.id < these_days_to then true
        else m.id >= audit.retention_line() and not exists (select from audit.logged_entry(m.id)) end
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.outcome, f.actor_id, f.actor_kind, case when f.more_targets is not null then
        (json_populate_record(null::audit.audit_log, json_build_object('more_targets', f.more_targets))).more_targets end,
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id),
    (select array_agg(f.id order by f.id) from fresh as f where f.id < these_days_from),
    (
      select array_agg(row(
        m.id, m.occurred_at, m.user_id, m.event_id, m.target_id, m.recorder_id, m.recorder_seq,
        m.action, m.entity_type, m.request_id, m.metadata, m.context, m.outcome, m.actor_id,
        m.actor_kind, m.more_targets, m.written_by, m.ours
      )::audit.audit_outbox)
      from moved as m
      where (select fresh < claimed from total) and m.place not in (select f.place from fresh as f)
    )
  into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
  from accounts as a;
end
$$;
--> statement-breakpoint
-- Moves one batch out of the lane staging, as the part of audit.move that takes the entries and appends
-- them to the log, in one statement. The other lane's function is the same but for the lane's name, so
-- change both. The log stands at head_before, and audit.move has seen to it that nobody else appends.
-- Returns also how many new entries each recorder has, and its greatest number among them, in the
-- order of their ids; the ids of new entries from before these days, which come first and so have
-- the first numbers; and the rows that left the lane and are not new, which audit.park_others then
-- looks at.
--
-- - "claimed" skips rows that another session holds, and never waits. It is not ordered: ordering a
--   backlog costs three times the move, and the log's order comes from the head. Rows are found by
--   their place, because a lane has no index to keep.
-- - "fresh" leaves out what the log's checks would refuse, what is in the log already, and all but
--   one of what came twice in this batch. It looks for an id of these days in the partitions of these
--   days, so that a log of many partitions is planned and locked no more than a small one. Other ids
--   are few, and audit.logged_entry looks for each. Among them are those below the retention line,
--   which is at least four days old.
-- - "logged" has no ON CONFLICT: a skipped row would leave a hole in seq. Where another session
--   logs one of the ids meanwhile, 23505 rolls all of it back, and the batch is moved again. The
--   rows are inserted in the order of their ids, so that two moves cannot deadlock.
-- - Ids are compared as text: those of the log may be text already where the lanes' still are uuid.
--   Postgres makes text of a uuid that it assigns, but not of a list of them.
-- - The statement is planned for its parameters each time. A kept plan that was made while a
--   partition was empty would read the whole partition from then on. It is static SQL, because to
--   parse it each time cost a tenth of a batch of 100. For the same reason it names no function of
--   ours that Postgres would put into its plan, and leaves the rare work to audit.park_others.
CREATE OR REPLACE FUNCTION "audit"."take_from_staging"(
  "batch_entries" integer, "from_place" tid, "places" tid[], "head_before" bigint,
  OUT "claimed" integer, OUT "logged" integer, OUT "through" text,
  OUT "recorders" uuid[], OUT "entries" bigint[], OUT "last_numbers" bigint[],
  OUT "late_ids" uuid[], OUT "others" audit.audit_outbox[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
declare
  these_days_from constant uuid := audit.these_days_from();
  these_days_to constant uuid := audit.these_days_to();
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
      ctid as place, id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, ours
  ),
  fresh as materialized (
    select distinct on (m.id) m.* from moved as m
    where coalesce(char_length(m.action) between 1 and 128, false)
      and coalesce(char_length(m.entity_type) between 1 and 256, true)
      and coalesce(char_length(m.request_id) between 1 and 256, true)
      and coalesce(jsonb_typeof(m.metadata) = 'object', true)
      and coalesce(jsonb_typeof(m.context) = 'object', true)
      and coalesce(m.outcome in ('denied', 'failed', 'attempted'), true)
      and coalesce(m.actor_kind in ('api_key', 'service', 'system', 'agent'), true)
      and coalesce(cardinality(m.more_targets) between 1 and 100, true)
      and not exists (
        select from audit.audit_log as l
        where l.id = m.id and l.id >= these_days_from and l.id < these_days_to
      )
      and case when m.id >= these_days_from and m.id < these_days_to then true
        else m.id >= audit.retention_line() and not exists (select from audit.logged_entry(m.id)) end
    order by m.id
  ),
  total as materialized (
    select (select count(*) from moved) as claimed, (select count(*) from fresh) as fresh
  ),
  logged as (
    insert into audit.audit_log (
      id, occurred_at, user_id, event_id, target_id, recorder_id, recorder_seq, action,
      entity_type, request_id, metadata, context, outcome, actor_id, actor_kind, more_targets,
      written_by, seq
    )
    select
      f.id, f.occurred_at, f.user_id, f.event_id, f.target_id, f.recorder_id, f.recorder_seq,
      f.action, f.entity_type, f.request_id, coalesce(f.metadata, '{}'), coalesce(f.context, '{}'),
      f.outcome, f.actor_id, f.actor_kind, case when f.more_targets is not null then
        (json_populate_record(null::audit.audit_log, json_build_object('more_targets', f.more_targets))).more_targets end,
      f.written_by, head_before + row_number() over (order by f.id)
    from fresh as f
    order by f.id
  ),
  accounts as (
    select f.recorder_id, count(*) as entries, coalesce(max(f.recorder_seq), 0) as last_number
    from fresh as f where f.recorder_id is not null group by f.recorder_id
  )
  select
    (select claimed from total), (select fresh from total), (select max(ctid)::text from claimed),
    array_agg(a.recorder_id order by a.recorder_id),
    array_agg(a.entries order by a.recorder_id),
    array_agg(a.last_number order by a.recorder_id),
    (select array_agg(f.id order by f.id) from fresh as f where f.id < these_days_from),
    (
      select array_agg(row(
        m.id, m.occurred_at, m.user_id, m.event_id, m.target_id, m.recorder_id, m.recorder_seq,
        m.action, m.entity_type, m.request_id, m.metadata, m.context, m.outcome, m.actor_id,
        m.actor_kind, m.more_targets, m.written_by, m.ours
      )::audit.audit_outbox)
      from moved as m
      where (select fresh < claimed from total) and m.place not in (select f.place from fresh as f)
    )
  into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
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
-- - The batch is moved by one statement, that of audit.take_from_staging, audit.take_from_outbox or
--   audit.take_from_import.
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
  late_ids uuid[];
  others audit.audit_outbox[];
begin
  if lane is null or lane not in ('staging', 'outbox', 'import') then
    raise exception 'audit.move knows the lanes staging, outbox and import'
      using errcode = 'invalid_parameter_value';
  end if;
  select 0, 0, 0, false into claimed, logged, parked, stood_back;
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;

  if from_place is null and lane = 'staging' then
    is_waiting := exists (select from audit.audit_staging);
  elsif from_place is null and lane = 'outbox' then
    is_waiting := exists (select from audit.audit_outbox);
  elsif from_place is null then
    is_waiting := exists (select from audit.audit_import);
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
    select t.* into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
    from audit.take_from_staging(batch_entries, from_place::tid, places::tid[], head_before) as t;
  elsif lane = 'outbox' then
    select t.* into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
    from audit.take_from_outbox(batch_entries, from_place::tid, places::tid[], head_before) as t;
  else
    select t.* into claimed, logged, through, recorders, entries, last_numbers, late_ids, others
    from audit.take_from_import(batch_entries, from_place::tid, places::tid[], head_before) as t;
  end if;
  if others is not null then
    parked := audit.park_others(lane, others);
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
  if late_ids is not null then
    perform audit.note_late(late_ids, head_before);
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
--> statement-breakpoint
-- What a relay asks in each cycle: how many rows each lane holds (at most max_rows of each are
-- counted), whether the lane of an import holds any, where the head of the log stands (null where the
-- log has lost its head), whether a crash emptied the fast lane and no relay has declared it yet,
-- whether nothing can be written, and the version of the schema. It writes nothing and takes no
-- transaction id.
CREATE OR REPLACE FUNCTION "audit"."peek"(
  "max_rows" integer, OUT "staging" integer, OUT "outbox" integer, OUT "import" boolean, OUT "head" bigint,
  OUT "was_emptied" boolean, OUT "is_read_only" boolean,
  OUT "version" integer, OUT "min_reader_version" integer
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    (select count(*) from (select from audit.audit_staging limit max_rows) as l)::integer,
    (select count(*) from (select from audit.audit_outbox limit max_rows) as l)::integer,
    exists (select from audit.audit_import),
    (select h.seq from audit.audit_head as h),
    (select s.epoch from audit.audit_sentinel as s) is distinct from
      (select l.epoch from audit.audit_lane as l where l.lane = 'staging'),
    current_setting('transaction_read_only') = 'on',
    v.version::integer,
    v.min_reader_version::integer
  from audit.audit_schema_version as v
$$;
--> statement-breakpoint
-- Which of the small, busy tables are heavier than they should be, as audit.compact names them. Up to
-- such a size a table is left alone. It holds few live rows, so above that size it is mostly dead
-- rows, which every batch has to step over.
CREATE OR REPLACE FUNCTION "audit"."weigh"() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select l.target
  from (
    values ('staging', 4096), ('outbox', 4096), ('import', 16384), ('head', 128), ('recorder', 1024)
  ) as l (target, kilobytes)
  where pg_relation_size(('audit.audit_' || l.target)::regclass) > l.kilobytes * 1024
    -- While an import fills its lane, the lane holds more than audit.compact() puts back.
    and (l.target <> 'import'
      or (select count(*) from (select from audit.audit_import limit 2001) as i) <= 2000)
$$;
--> statement-breakpoint
-- The sessions behind which a relay stands back: those of this database that hold the head of the log
-- or a row of audit_turn. is_relay says whether a session's login is a member of the relay's or
-- the owner's role, or is the caller. A session that is no relay stops the moves. transaction names the
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
    where r.rolname in (session_user, current_user) -- the caller, and the owner of this function
      or r.rolname = (
        select v.role_prefix || 'audit_relay' from audit.audit_schema_version as v
        where v.roles = 'on'
      )
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
--> statement-breakpoint
-- Puts partitions into the catalogue that are not in it, because they were made by hand, each with its
-- range. Their numbers have no known bound, so readers read them until they are closed. Whose bounds
-- are not two ids, or who is in another schema, stays out, and "audit-relay doctor" names it.
CREATE OR REPLACE FUNCTION "audit"."adopt_partitions"() RETURNS integer
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  adopted integer;
begin
  insert into audit.audit_partition (name, from_id, to_id)
  select b.name, b.first_id, b.end_id from audit.partition_bounds() as b
  where b.is_exact and b.schema = 'audit'
    and not exists (select from audit.audit_partition as p where p.name = b.name)
  on conflict do nothing;
  get diagnostics adopted = row_count;
  return adopted;
end
$$;
--> statement-breakpoint
-- Closes the oldest partition that no new entry comes to any more, and returns its name; null where
-- there is none. The catalogue then knows which numbers it holds, and readers that look for others
-- leave it out. The relay calls it until it returns null.
--
-- - A partition is closed three days after its end. A move looks for an id that is some two days old
--   or older in the whole log, and raises max_seq of the partition that the entry goes to. So no move
--   that began before the closing may still take the partition for one that is open.
-- - max_seq is read while the head is locked, because a move holds the head until it commits: what
--   was logged before is seen, and what is logged later finds the partition closed. Meanwhile nothing
--   is moved, so the numbers come from the ends of the index on seq, and the settings below leave the
--   planner no other way. The rows are counted before; late entries may be missing in that count.
-- - An empty one gets a range that holds no number: from the next one to none.
-- - It waits for the head for 100 ms, five times in all (55P03), as audit.make_partitions does.
-- - It reads the log and not the partition, which may be somebody else's where it was made by hand.
-- - A partition whose bounds are not those of the catalogue is left open, and "audit-relay doctor" names
--   it.
CREATE OR REPLACE FUNCTION "audit"."close_partition"() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms'
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off AS $$
declare
  max_tries constant integer := 5;
  part record;
  place text;
  counted bigint;
  head_seq bigint;
  smallest bigint;
  greatest_one bigint;
begin
  select p.name, p.from_id, p.to_id into part
  from audit.audit_partition as p
  join audit.partition_bounds() as b on b.name = p.name and b.schema = 'audit'
    and b.first_id = p.from_id and b.end_id = p.to_id and b.is_exact
  where p.closed_at is null
    and p.to_id <= audit.id_floor(clock_timestamp() - interval '72 hours')
  order by p.from_id limit 1;
  if not found then
    return null;
  end if;
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception 'no partition can be closed at the isolation level %',
      current_setting('transaction_isolation')
      using errcode = 'invalid_transaction_state',
        hint = 'Set default_transaction_isolation to read committed for this login.';
  end if;
  place := format('from audit.audit_log as l where l.id >= %L and l.id < %L', part.from_id, part.to_id);
  execute 'select count(*) ' || place into counted;
  for try in 1 .. max_tries loop
    begin
      select h.seq into head_seq from audit.audit_head as h for no key update;
      execute format('select l.seq %s order by l.seq limit 1', place) into smallest;
      execute format('select l.seq %s order by l.seq desc limit 1', place) into greatest_one;
      update audit.audit_partition as p set
        min_seq = coalesce(smallest, head_seq + 1), max_seq = coalesce(greatest_one, 0),
        rows = counted, closed_at = clock_timestamp()
      where p.name = part.name and p.closed_at is null;
      return part.name;
    exception when lock_not_available then
      if try = max_tries then
        raise exception 'the head of the log was locked by another session % times', max_tries
          using errcode = 'lock_not_available';
      end if;
    end;
    perform pg_sleep(0.3 + 0.7 * random());
  end loop;
end
$$;
--> statement-breakpoint
-- Whether the catalogue lacks a partition that adopt_partitions could put into it.
CREATE OR REPLACE FUNCTION "audit"."lacks_partition"() RETURNS boolean
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select exists (
    select from audit.partition_bounds() as b
    where b.is_exact and b.schema = 'audit'
      and not exists (
        select from audit.audit_partition as p where p.name = b.name or p.from_id = b.first_id
      )
  )
$$;
--> statement-breakpoint
-- Which ranges of ids need a partition of this width, from this month to the given number of months
-- after it, and which partitions they replace. Of weeks and days only those of the next 31 days are
-- made, so that another width can begin soon.
--
-- What is past of this month is never divided: it needs one partition, and gets few entries.
-- Replaced are partitions of ours that are wider and empty, and not past.
CREATE OR REPLACE FUNCTION "audit"."plan_partitions"(
  "months" integer, "width" text, OUT "first_ids" uuid[], OUT "end_ids" uuid[], OUT "replaced" text[]
)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
#variable_conflict use_column
declare
  this_month constant timestamptz := date_trunc('month', now());
  step constant interval := ('1 ' || width)::interval;
  present constant timestamptz := greatest(this_month, date_trunc(width, now()));
  until timestamptz := this_month + make_interval(months => months + 1);
  wide record;
  is_empty boolean;
begin
  if width <> 'month' then
    until := least(until, date_trunc(width, now() + interval '31 days') + step);
    for wide in
      select b.name from audit.partition_bounds() as b
      join pg_class as c on c.oid = b.table_id
      where b.is_ours and pg_get_userbyid(c.relowner) = current_user
        and b.end_id > audit.id_floor(now())
        and audit.id_time(b.end_id) - audit.id_time(b.first_id) > step
    loop
      execute format('select not exists (select from audit.%I)', wide.name) into is_empty;
      if is_empty then
        replaced := replaced || wide.name;
      end if;
    end loop;
  end if;
  select array_agg(r.first_id order by r.first_id), array_agg(r.end_id order by r.first_id)
  into first_ids, end_ids
  from (
    select * from audit.missing_ranges(this_month, present, 'month', replaced)
    union all
    select * from audit.missing_ranges(present, until, width, replaced)
  ) as r;
end
$$;
--> statement-breakpoint
-- Makes the partitions that are missing from this month on. Returns how many it made, at most 12 in a
-- call; also 0 where another session is making them. The relay calls it well ahead of need, until it
-- returns 0; the migrator calls it, too.
--
-- - months: so many months after this one are kept ready (0 to 120), and of weeks and days those of
--   the next 31 days at most.
-- - width: month, week, day, or auto, which audit.partition_width turns into one of them. Where it is
--   narrower than before, it replaces the partitions of now and later that are still empty.
-- - max_partitions: beyond so many of our own it makes none (54000).
--
-- It also takes partitions into the catalogue that were made by hand.
CREATE OR REPLACE FUNCTION "audit"."ensure_partitions"(
  "months" integer DEFAULT 3, "width" text DEFAULT 'auto', "max_partitions" integer DEFAULT 300
) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' SET timezone = 'UTC' AS $$
declare
  chosen text;
  first_ids uuid[];
  end_ids uuid[];
  replaced text[];
begin
  if months is null or months < 0 or months > 120 then
    raise exception 'months must be from 0 to 120, got %', months
      using errcode = 'invalid_parameter_value';
  end if;
  if width is null or width not in ('auto', 'month', 'week', 'day') then
    raise exception 'width must be auto, month, week or day, got %', width
      using errcode = 'invalid_parameter_value';
  end if;
  for look in 1 .. 2 loop
    chosen := audit.partition_width(width, max_partitions);
    select p.first_ids, p.end_ids, p.replaced into first_ids, end_ids, replaced
    from audit.plan_partitions(months, chosen) as p;
    if look = 1 then
      if first_ids is null and not audit.lacks_partition() then
        return 0;
      end if;
      -- One session at a time. What it made is seen in the second look.
      perform 1 from audit.audit_turn as t where t.turn = -1 for no key update skip locked;
      if not found then
        return 0;
      end if;
    end if;
  end loop;
  perform audit.adopt_partitions();
  return audit.make_some(first_ids, end_ids, replaced, max_partitions);
end
$$;
--> statement-breakpoint
-- The bounds of a partition that retention may replace: one of the catalogue, in the log now, with the
-- bounds that the catalogue says, or DEFAULT. It raises for any other name.
CREATE OR REPLACE FUNCTION "audit"."log_partition"(
  "partition" text, OUT "from_id" uuid, OUT "to_id" uuid
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  bounds text;
begin
  select pg_get_expr(c.relpartbound, c.oid) into bounds
  from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
  where i.inhparent = 'audit.audit_log'::regclass and c.relnamespace = 'audit'::regnamespace
    and c.relname = partition;
  if bounds is null then
    raise exception 'the log has no partition %', partition
      using errcode = 'invalid_parameter_value', hint = '"audit-relay retention" lists the partitions.';
  end if;
  -- Names of other tables are made of it, and Postgres cuts a name at 63 bytes.
  if octet_length(partition) > 40 then
    raise exception 'the name of the partition % is longer than 40 bytes', partition
      using errcode = 'object_not_in_prerequisite_state', hint = 'Rename the partition.';
  end if;
  if bounds = 'DEFAULT' then
    return;
  end if;
  select p.from_id, p.to_id into from_id, to_id
  from audit.audit_partition as p where p.name = partition;
  if bounds is distinct from format('FOR VALUES FROM (%L) TO (%L)', from_id, to_id) then
    raise exception 'the catalogue does not have the partition % with the bounds that it has', partition
      using errcode = 'object_not_in_prerequisite_state',
        hint = 'It was made by hand. "audit-relay doctor" says what to do.';
  end if;
end
$$;
--> statement-breakpoint
-- For how long the first of some patterns keeps that has a policy at some time. Null is forever.
CREATE OR REPLACE FUNCTION "audit"."first_policy"("patterns" text[], "at" timestamptz)
RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select p.keep
  from unnest(patterns) with ordinality as one (actions, place)
  join audit.policies_in_force(first_policy.at) as p on p.actions = one.actions
  order by one.place limit 1
$$;
--> statement-breakpoint
-- Whether there is a day on which the time "keep" reaches less far back than the time "other". Null is
-- forever. A month can be shorter than 30 days and longer, so the days around a year are tried that
-- is no leap year although four divide it.
CREATE OR REPLACE FUNCTION "audit"."is_shorter"("keep" interval, "other" interval) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when keep is null then false
    when other is null then true
    else (
      select bool_or(day - keep > day - other)
      from generate_series(
        timestamp '2092-01-01', timestamp '2104-12-31', interval '1 day') as day
    )
  end
$$;
--> statement-breakpoint
-- The patterns that an action can have a policy by, the most exact one first. "*" leaves out the
-- product's own entries, and of those only reading can have a policy. Of a pattern it gives the
-- pattern itself and those that stand in for it once it is removed.
CREATE OR REPLACE FUNCTION "audit"."patterns_of"("action" text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select case
    when action = 'audit.read' then array[action]
    when split_part(action, '.', 1) = 'audit' then '{}'
    else array[action, split_part(action, '.', 1) || '.*', '*']
  end
$$;
--> statement-breakpoint
-- Adds what somebody said about the policy of some actions, and an entry "audit.policy" that says it.
CREATE OR REPLACE FUNCTION "audit"."put_policy"(
  "actions" text, "keep" interval, "removed" boolean, "set_at" timestamptz,
  "effective_at" timestamptz, "why" text
) RETURNS void
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET intervalstyle = 'postgres' AS $$
  insert into audit.audit_policy (actions, keep, removed, set_at, effective_at, entry)
  select put_policy.actions, put_policy.keep, put_policy.removed, put_policy.set_at,
    put_policy.effective_at,
    audit.put_ours(
      'audit.policy', null,
      jsonb_build_object(
        'actions', put_policy.actions, 'change', put_policy.why, 'keep', put_policy.keep,
        'effectiveAt', put_policy.effective_at
      ),
      jsonb_build_object('databaseLogin', session_user)
    )
$$;
--> statement-breakpoint
-- Changes the policy of some actions, or removes it. Says from when on that counts, and whether it is
-- anything new. What shortens nothing counts at once. Everything else counts after the grace; what
-- was said before and did not count yet is taken back at once where that shortens nothing either.
--
-- It shortens something where an action is kept for less, at any time before the grace is over, than it
-- would have been without the change. So the policies that step in for this one are compared as well,
-- and those that will count meanwhile. What shortens is never known for less than the grace.
CREATE OR REPLACE FUNCTION "audit"."change_policy"(
  "actions" text, "keep" interval, "removed" boolean,
  OUT "effective_at" timestamptz, OUT "is_new" boolean
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  patterns constant text[] := audit.patterns_of(actions);
  others constant text[] := array_remove(patterns, actions);
  said_at timestamptz;
  grace interval;
  last_said record;
  held record;
  shortens boolean;
  back_shortens boolean;
begin
  perform audit.require_new_snapshots();
  -- One change at a time, so that each is compared with all others. Reading goes on.
  lock table audit.audit_policy in share row exclusive mode;
  said_at := clock_timestamp(); -- not the transaction's own time: it may have begun long ago
  select r.grace into grace from audit.audit_retention as r;
  select t.* into last_said from audit.policy_times() as t
  where t.actions = change_policy.actions order by t.number desc limit 1;
  select t.* into held from audit.policy_times() as t
  where t.actions = change_policy.actions and t.counts_at <= said_at order by t.number desc limit 1;
  is_new := false;
  if removed and coalesce(last_said.removed, true)
    and last_said.number is not distinct from held.number
  then
    return; -- there is none, and none is coming
  end if;

  select bool_or(audit.is_shorter(
      case when removed then f.by_others else keep end, f.planned)),
    bool_or(audit.is_shorter(
      case when coalesce(held.removed, true) then f.by_others else held.keep end, f.planned))
  into shortens, back_shortens
  from (
    select audit.first_policy(patterns, moment.at) as planned,
      audit.first_policy(others, moment.at) as by_others
    from (
      select said_at as at
      union
      select t.counts_at from audit.policy_times() as t
      where t.actions = any(patterns) and t.counts_at > said_at and t.counts_at < said_at + grace
    ) as moment
  ) as f;

  if last_said.removed = removed
    and not audit.is_shorter(last_said.keep, keep) and not audit.is_shorter(keep, last_said.keep)
    and (shortens or last_said.number = held.number)
  then
    select p.effective_at into effective_at
    from audit.audit_policy as p where p.number = last_said.number;
    return; -- it was said already
  end if;
  is_new := true;
  if not shortens then
    effective_at := said_at;
  else
    effective_at := said_at + grace;
    if last_said.number is distinct from held.number and not back_shortens then
      perform audit.put_policy(
        actions, held.keep, coalesce(held.removed, true), said_at, said_at, 'taken back');
    end if;
  end if;
  perform audit.put_policy(
    actions, keep, removed, said_at, effective_at, case when removed then 'removed' else 'set' end);
end
$$;
--> statement-breakpoint
-- For how long the entries of an action are kept. Null is forever. The most exact policy holds.
CREATE OR REPLACE FUNCTION "audit"."keep_for"("action" text, "at" timestamptz DEFAULT clock_timestamp())
RETURNS interval
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select audit.first_policy(audit.patterns_of(action), keep_for.at)
$$;
--> statement-breakpoint
-- The policies that hold now, and what was said and does not count yet: "counts_at" is null while the
-- entry of such a change is not logged. "keep" is null forever.
CREATE OR REPLACE FUNCTION "audit"."list_policies"(
  OUT "actions" text, OUT "keep" text, OUT "removed" boolean, OUT "in_force" boolean,
  OUT "counts_at" text, OUT "set_at" text, OUT "set_by" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET intervalstyle = 'postgres' AS $$
  select t.actions, t.keep::text, t.removed, t.number is not distinct from held.number,
    to_json(t.counts_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(p.set_at at time zone 'UTC') #>> '{}' || 'Z', p.set_by
  from audit.policy_times() as t
  join audit.audit_policy as p on p.number = t.number
  left join (
    select distinct on (h.actions) h.actions, h.number from audit.policy_times() as h
    where h.counts_at <= clock_timestamp() order by h.actions, h.number desc
  ) as held on held.actions = t.actions
  where t.number = held.number and not t.removed or t.number > coalesce(held.number, 0)
  order by t.actions, t.number
$$;
--> statement-breakpoint
-- Removes the policy of some actions: the next less exact one holds, or they are kept forever.
-- Returns from when on, as set_policy() does; null where there is no such policy.
CREATE OR REPLACE FUNCTION "audit"."remove_policy"(
  "actions" text, OUT "effective_at" timestamptz, OUT "is_new" boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
begin
  select c.effective_at, c.is_new into effective_at, is_new
  from audit.change_policy(actions, null, true) as c;
end
$$;
--> statement-breakpoint
-- Says for how long the entries of some actions are kept: of one action, of all of an entity ("temp.*")
-- or of all that have no other policy ("*"). Null is forever. Returns from when on it counts: what
-- keeps more counts at once, what keeps less after the grace. "is_new" is false where that was
-- said already.
CREATE OR REPLACE FUNCTION "audit"."set_policy"(
  "actions" text, "keep" interval, OUT "effective_at" timestamptz, OUT "is_new" boolean
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  entity constant text := left(actions, -2);
begin
  if actions is null or char_length(actions) not between 1 and audit.bound('action_characters')
    or not (case
      when actions = '*' then true
      when actions like '%.*' then entity <> '' and entity !~ '[.*]'
      else position('*' in actions) = 0
    end)
  then
    raise exception 'a policy is for an action such as billing.pay, for billing.* or for *'
      using errcode = 'invalid_parameter_value';
  end if;
  if audit.is_reserved(actions) and actions <> 'audit.read' then
    raise exception 'the log''s own entries are kept forever: of those audit.read alone can have a policy'
      using errcode = 'invalid_parameter_value';
  end if;
  if not isfinite(keep) or extract(year from keep) < 0 or extract(month from keep) < 0
    or extract(day from keep) < 0 or extract(hour from keep) < 0 or extract(minute from keep) < 0
    or extract(second from keep) < 0 or audit.is_shorter(keep, interval '4 days')
    or keep > interval '100 years'
  then
    raise exception 'a policy keeps entries for 4 days to 100 years, or forever'
      using errcode = 'invalid_parameter_value';
  end if;
  select c.effective_at, c.is_new into effective_at, is_new
  from audit.change_policy(actions, keep, false) as c;
end
$$;
--> statement-breakpoint
-- Goes on with a name by some keys. "open" is what is left of hidden paths of which the name up to there ends
-- with the beginning; "is_hidden" says whether a hidden path ends within these keys. Hidden paths are in small
-- letters.
CREATE OR REPLACE FUNCTION "audit"."name_step"(
  "hidden" text[], "keys" text[], INOUT "open" text[], OUT "is_hidden" boolean
)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
declare
  key text;
begin
  is_hidden := false;
  foreach key in array keys loop
    key := lower(key) || E'\x01';
    open := array(
      select distinct substr(o, length(key) + 1) from unnest(hidden || open) as o
      where starts_with(o, key));
    if '' = any (open) then
      is_hidden := true;
      open := array_remove(open, '');
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- Whether one of some keys, in small letters, is in a document, in a key or in a text. It may say so of one that
-- is not. A look at the text costs least, and some documents the server cannot make a text: 1e1000 is short as
-- jsonb.
CREATE OR REPLACE FUNCTION "audit"."names_any"("given" jsonb, "keys" text[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
declare
  key text;
  document text;
begin
  if pg_column_size(given) <= 1000 and pg_column_compression(given) is null then
    document := lower(given::text);
    foreach key in array keys loop
      if strpos(document, btrim(to_json(key)::text, '"')) > 0 then
        return true;
      end if;
    end loop;
    return false;
  end if;
  foreach key in array keys loop
    if jsonb_path_exists(given, format(
        '$.** ? (@.type() == "string" && @ like_regex %1$s flag "iq"
          || @.type() == "object" && exists(@.keyvalue().key ? (@ like_regex %1$s flag "iq")))',
        to_json(key))::jsonpath, '{}', true)
      or key ~ '^[0-9]+$'
    then
      return true;
    end if;
  end loop;
  return false;
end
$$;
--> statement-breakpoint
-- What a side of a change is called: "from", "old_value", "before", "oldValues", "was".
CREATE OR REPLACE FUNCTION "audit"."side_pattern"() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select '^_*(from|to|before|after|old|new|prev|previous|original|updated|was|now|lhs|rhs)'
    || '([_-]?(values?|vals?|state|data|row|record|object|attributes|version|document|doc))?$'
$$;
--> statement-breakpoint
-- Whether there is a side of a change in a document, at any depth.
CREATE OR REPLACE FUNCTION "audit"."tells_change"("given" jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  select jsonb_path_exists(given, format(
    '$.** ? (@.type() == "object").keyvalue().key ? (@ like_regex "%s" flag "i")', audit.side_pattern()
  )::jsonpath)
$$;
--> statement-breakpoint
-- A part of a document, for without_changes() alone; null where nothing is left of it. "ends" are the last
-- keys of the hidden paths, "open" is as in name_step(). In a side of a change, and in what is called changes,
-- each value is left out whose name is hidden, elsewhere changes alone are. An empty object stays in a side,
-- because there it says that something was not there before, or is not there any more.
CREATE OR REPLACE FUNCTION "audit"."without_named"(
  "given" jsonb, "hidden" text[], "ends" text[], "open" text[], "in_side" boolean,
  "in_changes" boolean, "is_whole" boolean
) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
declare
  side constant text := audit.side_pattern();
  -- { "changes": { "card": ["old", "new"] } }, "$set": { "card": "new" }
  list_of_changes constant text :=
    '^[$_]*([a-z]+[_-])?(changes|changed|changeset|diffs?|deltas?|updates|modifi(ed|cations)|patch|set|unset)$';
  label constant text :=
    '^(field|path|key|name|property|prop|column|attribute|attr|pointer|label)([_-]?(name|path|key))?$';
  sides text[];
  labels text[];
  form text;
  step record;
  child record;
  kept jsonb;
  made jsonb;
  open_in_sides text[] := open;
  is_told boolean := false;
begin
  if jsonb_typeof(given) not in ('object', 'array') or not audit.names_any(given, ends) then
    return given;
  end if;
  if jsonb_typeof(given) = 'array' then
    select coalesce(jsonb_agg(kept_item.value order by item.n), '[]') into made
    from jsonb_array_elements(given) with ordinality as item (value, n),
      lateral (
        select audit.without_named(item.value, hidden, ends, open, in_side, in_changes, false)
        offset 0
      ) as kept_item (value)
    where kept_item.value is not null;
    return case when made <> '[]' or in_side then made end;
  end if;
  sides := array(select k from jsonb_object_keys(given) as k where k ~* side);
  labels := array(
    select k from jsonb_object_keys(given) as k
    where k ~* label and jsonb_typeof(given -> k) in ('string', 'array'));
  if labels <> '{}' then
    sides := sides || array(
      select k from jsonb_object_keys(given) as k where k ~* '^(value|current)$');
  end if;
  if sides <> '{}' then
    -- A label is a text, "card.number", "card[0].number" or "/card/0/number", or the list of the keys.
    for form in
      select case when jsonb_typeof(given -> k) = 'string' then given ->> k else array_to_string(
        array(select jsonb_array_elements_text(given -> k)), '.') end
      from unnest(labels) as k
    loop
      for step in
        select s.open, s.is_hidden
        from (
          values (string_to_array(left(form, 2000), '.')),
            (array_remove(regexp_split_to_array(
              regexp_replace(left(form, 2000), '[./\[\]"''$]+([0-9]+(?=[./\[\]"''$]|$))?', '.', 'g'),
              '[.]+'), ''))
        ) as forms (keys),
          audit.name_step(hidden, forms.keys, open) as s
      loop
        is_told := is_told or step.is_hidden;
        open_in_sides := open_in_sides || step.open;
      end loop;
    end loop;
    if is_told and not is_whole then
      return null;
    end if;
    open_in_sides := array(select distinct o from unnest(open_in_sides) as o);
  end if;
  made := '{}';
  for child in select e.key, e.value from jsonb_each(given) as e loop
    if child.key = any (sides) then
      continue when is_told;
      kept := audit.without_named(child.value, hidden, ends, open_in_sides, true, false, false);
    else
      continue when is_told and child.key = any (labels);
      select s.open, s.is_hidden into step
      from audit.name_step(
        hidden, case child.key when '' then array[''] else string_to_array(child.key, '.') end, open) as s;
      if not step.is_hidden then
        kept := audit.without_named(
          child.value, hidden, ends, step.open, in_side,
          in_changes or child.key ~* list_of_changes, false);
      elsif in_side or in_changes or audit.tells_change(child.value) then
        continue;
      else
        kept := child.value;
      end if;
    end if;
    if kept is not null then
      made := made || jsonb_build_object(child.key, kept);
    end if;
  end loop;
  return case when made <> '{}' or in_side then made end;
end
$$;
--> statement-breakpoint
-- A document without what its changes tell of hidden fields. A change names its field in three ways: by the
-- keys on the way to it, by a label next to it, as "field" is, and by the keys within its two sides. So a
-- field that is left out of the document itself would still be told by each change of it.
--
-- "hidden" are the paths of the fields, each as its keys with U+0001 behind each. A name that holds such a
-- path anywhere, in any case, is one of the field: of "card" also "order.card" and "Card.number", as in
-- "changed:card".
-- Of a document over 32 KiB that names a field nothing is left, so that no document can take long.
CREATE OR REPLACE FUNCTION "audit"."without_changes"("given" jsonb, "hidden" text[]) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
declare
  small constant text[] := array(select lower(h) from unnest(hidden) as h);
  ends constant text[] := array(
    select distinct split_part(h, E'\x01', -2) from unnest(small) as h);
begin
  if not audit.names_any(given, ends) then
    return given;
  end if;
  if pg_column_size(given) > 32768 then
    return '{}';
  end if;
  return coalesce(audit.without_named(given, small, ends, '{}', false, false, true), '{}');
end
$$;
--> statement-breakpoint
-- The condition on the rows of a partition whose policy is over, as SQL: which actions are due. Null
-- where none is. A policy counts from the end of a partition, so that the partition goes as a whole. Of
-- DEFAULT a row counts from the end of the month of its id. An id from elsewhere holds no time; as a
-- rule it looks like one of the far future, and stays.
CREATE OR REPLACE FUNCTION "audit"."due_condition"("partition" text) RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  end_id uuid := (audit.log_partition(partition)).to_id;
  actions text[];
  condition text;
begin
  -- From each action straight to the next one, by the index: to read all rows takes seconds.
  execute format($next$
    with recursive seen as (
      (select p.action from audit.%1$I as p order by p.action limit 1)
      union all
      select (select p.action from audit.%1$I as p where p.action > s.action order by p.action limit 1)
      from seen as s where s.action is not null
    )
    select array_agg(s.action order by s.action) from seen as s where s.action is not null
    $next$, partition)
  into actions;
  if end_id is not null then
    select format('r.action = any(%L::text[])', array_agg(a.action order by a.action)) into condition
    from unnest(actions) as a (action)
    where audit.id_time(end_id) + audit.keep_for(a.action) <= now()
    having count(*) > 0;
  else
    select string_agg(
      format('r.id < %L and r.action = any(%L::text[])', c.before_id, c.actions), ' or '
      order by c.before_id
    ) into condition
    from (
      select k.before_id, array_agg(k.action order by k.action) as actions
      from (
        select a.action,
          audit.id_floor(date_trunc('month', now() - audit.keep_for(a.action))) as before_id
        from unnest(actions) as a (action)
      ) as k
      where k.before_id is not null
      group by k.before_id
    ) as c;
  end if;
  return condition;
end
$$;
--> statement-breakpoint
-- A digest of all policies and holds in force. Between a build and its swap it must not change.
CREATE OR REPLACE FUNCTION "audit"."retention_basis"() RETURNS text
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
begin
  return md5(
    coalesce((select string_agg(p::text, chr(10) order by p::text)
      from audit.policies_in_force() as p), '')
    || chr(10) || 'holds' || chr(10)
    || coalesce((select string_agg(h::text, chr(10) order by h::text)
      from audit.holds_in_force() as h), '')
  );
end
$$;
--> statement-breakpoint
-- The readers with a name that have not read up to a number, the one that is farthest behind first.
-- Retention waits for one that was seen in the last 30 days, unless it is told to ignore it.
CREATE OR REPLACE FUNCTION "audit"."lagging_cursors"(
  "up_to" bigint, "ignored" text[],
  OUT "name" text, OUT "seq" bigint, OUT "seen_at" timestamptz, OUT "is_waited_for" boolean
) RETURNS SETOF record
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  select c.name, c.seq, c.seen_at,
    c.seen_at > now() - interval '30 days' and not c.name = any(coalesce(ignored, '{}'))
  from audit.audit_cursor as c
  where c.seq < up_to or c.history is distinct from (select h.history from audit.audit_head as h)
  order by c.seq
$$;
--> statement-breakpoint
-- The step of retention that removes: puts what audit.build_kept() has built in the place of the
-- partition, all or nothing, with its trace in the same transaction: the entry audit.retention, the
-- numbers that went, the retention line. "swap" is the number that build_kept() gave; "archived" is
-- what the archive says of the entries that go; "ignored" are names of cursors that are not waited for.
-- Returns the id of the entry, or why nothing was done:
--
-- - 'changed': policies, holds or entries are not those of the build any more, so build again.
-- - 'cursor': readers with a name have not read up to here; "reason" names them.
-- - 'seal': the log is sealed, and not yet up to the last entry that goes. Its leaf could not be made any
--   more.
-- - It fails with 55P03 where a lock was not had in lock_timeout_ms. Then try again.
-- - audit_hold and audit_policy are locked before they are compared, so that a hold that is being placed
--   is waited for, and none is placed before the commit.
-- - The partition is locked against writers while its rows are counted, and the log only for the swap
--   itself, at the very end.
CREATE OR REPLACE FUNCTION "audit"."swap_kept"(
  "partition" text, "swap" bigint, "archived" jsonb DEFAULT NULL, "ignored" text[] DEFAULT '{}',
  "lock_timeout_ms" integer DEFAULT 100,
  OUT "entry_id" uuid, OUT "refusal" text, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  max_runs constant integer := 10000;
  built audit.audit_swap;
  aside text;
  now_rows bigint;
  now_max bigint;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  perform audit.log_partition(partition);
  lock table audit.audit_hold in share mode;
  lock table audit.audit_policy in share mode;
  select * into built from audit.audit_swap as s
  where s.partition = swap_kept.partition and s.state = 'built';
  if built.swap is distinct from swap_kept.swap then
    refusal := 'changed';
    reason := 'another run of retention has built or swapped it';
    return;
  end if;
  if built.basis is distinct from audit.retention_basis()
    or built.due is distinct from audit.due_condition(partition)
  then
    refusal := 'changed';
    reason := 'policies or holds have changed';
    return;
  end if;
  execute format('lock table audit.%I in share mode', partition);
  execute format('select count(*), max(p.seq) from audit.%I as p', partition) into now_rows, now_max;
  if (now_rows, now_max) is distinct from (built.rows, built.max_seq) then
    refusal := 'changed';
    reason := 'entries came to it';
    return;
  end if;
  if built.last_seq > audit.sealed_through() and exists (select from audit.audit_origin) then
    refusal := 'seal';
    reason := format('it is sealed up to seq %s only', audit.sealed_through());
    return;
  end if;
  select string_agg(format('%s has read up to seq %s', c.name, c.seq), ', ') into reason
  from audit.lagging_cursors(built.last_seq, ignored) as c where c.is_waited_for;
  if reason is not null then
    refusal := 'cursor';
    return;
  end if;

  aside := format('%s_removed_%s', partition, built.swap);
  entry_id := audit.put_ours(
    'audit.retention', null,
    jsonb_build_object(
      'partition', partition, 'from', audit.id_time(built.from_id), 'to', audit.id_time(built.to_id),
      'removed', built.removed, 'kept', built.kept, 'held', built.held,
      'firstSeq', built.first_seq, 'lastSeq', built.last_seq,
      'runs', (select count(*) from unnest(built.runs::int8multirange)),
      'seqs', (
        select jsonb_agg(jsonb_build_array(lower(r), upper(r) - 1) order by r)
        from (select r from unnest(built.runs::int8multirange) as r limit max_runs) as r
      ),
      'seqsSha256', encode(sha256(convert_to(built.runs, 'UTF8')), 'hex'),
      'holds', (select coalesce(jsonb_agg(h -> 'id'), '[]') from jsonb_array_elements(built.holds) as h),
      'archive', archived
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  insert into audit.audit_removed (partition, first_seq, last_seq, by_entry)
  select partition, lower(r), upper(r) - 1, swap_kept.entry_id from unnest(built.runs::int8multirange) as r;
  update audit.audit_swap as s
  set state = 'swapped', swapped_at = clock_timestamp(), detached = aside,
    entry_id = swap_kept.entry_id, archive = archived,
    oldest_before = (select min(l.oldest_id::text)::uuid from audit.audit_lane as l
      where l.lane in ('staging', 'outbox'))
  where s.swap = built.swap;
  perform audit.changed_behind(built.runs::int8multirange);
  perform audit.set_retention_line();
  if built.kept = 0 and partition <> 'audit_log_default' then
    perform audit.swap_partition(partition, null, aside, built.from_id, built.to_id);
    execute format('drop table audit.%I', partition || '_kept');
  else
    perform audit.swap_partition(partition, partition || '_kept', aside, built.from_id, built.to_id);
  end if;
end
$$;
--> statement-breakpoint
-- The second step of retention. Makes, next to a partition, the table of what stays of it, and notes
-- what goes, for audit.swap_kept(). It holds no lock of the log but a reader's and removes nothing. A
-- table that an earlier run has left is made again. Returns the number of the swap, null where nothing
-- is due, with the numbers of entries that go, stay, and stay only because of a hold.
--
-- What it read may change until the swap. So the policies and holds are read before any row, the rows
-- are counted before they are copied, and the swap compares both.
CREATE OR REPLACE FUNCTION "audit"."build_kept"(
  "partition" text, OUT "swap" bigint, OUT "removed" bigint, OUT "kept" bigint, OUT "held" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  is_default constant boolean := partition = 'audit_log_default';
  kept_table constant text := partition || '_kept';
  bounds record;
  basis text;
  due text;
  is_held text;
  holds jsonb;
  rows bigint;
  max_seq bigint;
  gone record;
begin
  perform audit.begin_retention();
  bounds := audit.log_partition(partition);
  execute format('drop table if exists audit.%I', kept_table);
  delete from audit.audit_swap as s where s.partition = build_kept.partition and s.state = 'built';
  basis := audit.retention_basis();
  due := audit.due_condition(partition);
  if due is null then
    return;
  end if;
  is_held := audit.held_condition();
  execute format('select count(*), max(p.seq) from audit.%I as p', partition) into rows, max_seq;

  execute format('create table audit.%I (like audit.audit_log including all)', kept_table);
  execute format('alter table audit.%I add constraint audit_log_bounds check (%s)', kept_table,
    case when is_default then audit.outside_of_partitions('{}', '{}')
      else format('id >= %L and id < %L', bounds.from_id, bounds.to_id) end);
  -- A row goes where the condition is true. Null is no reason to remove anything.
  execute format(
    'insert into audit.%1$I (%5$s) select %5$s from audit.%2$I as r '
    'where ((%3$s) and not (%4$s)) is not true order by r.id',
    kept_table, partition, due, is_held, audit.log_columns());
  get diagnostics kept = row_count;
  execute format('select count(*) from audit.%I as r where %s', kept_table, due) into held;
  execute format($gone$
    with gone as (
      select r.seq, r.id from audit.%1$I as r
      where ((%2$s) and not (%3$s)) is true
    ),
    island as (
      select min(g.seq) as first_seq, max(g.seq) as last_seq
      from (select g.seq, g.seq - row_number() over (order by g.seq) as island from gone as g) as g
      group by g.island
    )
    select count(*) as rows, min(g.seq) as first_seq, max(g.seq) as last_seq,
      (array_agg(g.id order by g.id desc))[1] as last_id,
      (select range_agg(int8range(i.first_seq, i.last_seq, '[]'))::text from island as i) as runs
    from gone as g
    $gone$, partition, due, is_held)
  into gone;
  removed := gone.rows;
  if removed = 0 then
    execute format('drop table audit.%I', kept_table);
    return;
  end if;
  execute format('analyze audit.%I', kept_table);
  select coalesce(jsonb_agg(to_jsonb(h)), '[]') into holds from audit.holds_in_force() as h;
  insert into audit.audit_swap (
    partition, from_id, to_id, basis, due, holds, rows, max_seq, removed, kept, held,
    first_seq, last_seq, runs
  )
  values (
    partition,
    coalesce(bounds.from_id, '00000000-0000-0000-0000-000000000000'),
    coalesce(bounds.to_id,
      audit.id_floor(date_trunc('month', audit.id_time(gone.last_id)) + interval '1 month')),
    basis, due, holds, rows, max_seq, removed, kept, held, gone.first_seq, gone.last_seq, gone.runs
  )
  returning audit_swap.swap into build_kept.swap;
end
$$;
--> statement-breakpoint
-- The readers that have a name, so that nobody asks to ignore one that there is not.
CREATE OR REPLACE FUNCTION "audit"."cursor_names"() RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select c.name from audit.audit_cursor as c order by c.name
$$;
--> statement-breakpoint
-- The last step of retention: drops a table that was taken out of the log, once the time for an undo is
-- over. It locks nothing of the log. A table of which a hold that was placed since keeps an entry stays:
-- an undo brings that entry back. With a table the salts of its entries go, also those in the openings of
-- erased ones, so that nobody finds out by hashing guesses what they said. Returns how many tables of the partition it dropped, and how many
-- entries on hold kept one from it.
CREATE OR REPLACE FUNCTION "audit"."drop_removed"(
  "partition" text, "lock_timeout_ms" integer DEFAULT 100,
  OUT "dropped" integer, OUT "held" bigint
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  gone audit.audit_swap;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  dropped := 0;
  held := 0;
  lock table audit.audit_hold in share mode;
  for gone in
    select * from audit.audit_swap as s
    where s.partition = drop_removed.partition and s.state = 'swapped'
      and s.swapped_at + (select r.undo from audit.audit_retention as r) <= now()
    order by s.swap
  loop
    held := held + audit.held_since(gone.swap);
    exit when held > 0;
    execute format('drop table audit.%I', gone.detached);
    perform audit.forget_salts(gone.runs::int8multirange);
    update audit.audit_erasure as e set opening = (
      select coalesce(jsonb_object_agg(o.key, o.value), '{}')
      from jsonb_each(e.opening) as o where o.value ? 'erased'
    )
    where e.opening is not null and gone.runs::int8multirange @> e.seq;
    update audit.audit_swap as s set state = 'dropped', ended_at = clock_timestamp()
    where s.swap = gone.swap;
    dropped := dropped + 1;
  end loop;
end
$$;
--> statement-breakpoint
-- Makes one partition of several small neighbours of which retention has nothing to remove: each run of it
-- leaves an entry that is kept forever, and with days as partitions each of them would stay as one. No
-- entry is changed, and no number. Returns the name of the partition, which is that of the first one, or
-- the reason why nothing was done. It fails with 55P03 where a lock was not had in lock_timeout_ms. Then try
-- again.
--
-- - A policy counts from the end of a partition. So the new one is at most a quarter as wide as the
--   shortest policy of what is in it, and a year.
-- - Where something waits for its drop, its partition stays as it is until then.
-- - The rows are copied while the log is in use; they are few.
CREATE OR REPLACE FUNCTION "audit"."merge_kept"(
  "names" text[], "lock_timeout_ms" integer DEFAULT 100,
  OUT "merged" text, OUT "rows" bigint, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  -- As many as one statement may lock, with their indexes.
  max_merged constant integer := 14;
  max_rows constant bigint := 20000;
  first_one constant text := names[1];
  beside constant text := first_one || '_merged';
  aside constant text := first_one || '_parted';
  one text;
  bounds record;
  span_from uuid;
  span_to uuid;
  counted record;
  shortest interval;
  rows_before bigint := 0;
  is_archived boolean := true;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  if coalesce(cardinality(names), 0) not between 2 and max_merged then
    reason := format('from 2 to %s partitions can be merged', max_merged);
    return;
  end if;
  foreach one in array names loop
    bounds := audit.log_partition(one);
    if bounds.from_id is null or bounds.from_id < span_to then
      raise exception 'the partitions to merge must be in the order of their time'
        using errcode = 'invalid_parameter_value';
    end if;
    -- Nobody writes to it from now on.
    execute format('lock table audit.%I in share mode', one);
    span_from := coalesce(span_from, bounds.from_id);
    span_to := bounds.to_id;
    if not exists (
      select from audit.audit_partition as p where p.name = one and p.closed_at is not null
    ) then
      reason := format('%s is not closed yet', one);
    elsif exists (
      select from audit.audit_swap as s
      where s.partition = one and s.state in ('built', 'swapped')
    ) then
      reason := format('what was removed of %s waits for its drop', one);
    elsif audit.due_condition(one) is not null then
      reason := format('entries of %s are due', one);
    end if;
    if reason is not null then
      return;
    end if;
    execute format(
      'select count(*) as rows, (select min(audit.keep_for(a.action)) '
      'from (select distinct p.action from audit.%1$I as p) as a) as keep from audit.%1$I', one)
    into counted;
    rows_before := rows_before + counted.rows;
    shortest := least(shortest, counted.keep);
    is_archived := is_archived
      and not exists (select from audit.archive_due() as d where d.partition = one);
    if rows_before > max_rows then
      reason := format('they hold more than %s entries', max_rows);
      return;
    end if;
  end loop;
  if audit.id_time(span_to) - audit.id_time(span_from) > least(shortest / 4, interval '366 days') then
    reason := 'together they would be wider than a quarter of a policy, or than a year';
  elsif exists (
    select from audit.partition_bounds() as b
    where b.first_id < span_to and b.end_id > span_from and b.name <> all(names)
  ) then
    reason := 'another partition lies between them';
  elsif audit.default_holds(array[span_from], array[span_to]) then
    reason := 'DEFAULT holds entries of their time';
  end if;
  if reason is not null then
    return;
  end if;

  execute format('drop table if exists audit.%I', beside);
  execute format('create table audit.%I (like audit.audit_log including all)', beside);
  rows := audit.join_into(beside, span_from, span_to, names);
  if rows <> rows_before then
    raise exception '% of % entries were copied', rows, rows_before using errcode = 'data_exception';
  end if;
  execute format('analyze audit.%I', beside);
  perform audit.swap_partition(first_one, beside, aside, span_from, span_to, names);
  execute format('drop table audit.%I', aside);
  if is_archived then
    update audit.audit_partition as p set archived_seq = p.max_seq where p.name = first_one;
  end if;
  merged := first_one;
end
$$;
--> statement-breakpoint
-- Notes how far a reader with a name has read, so that retention waits for it. Such a reader calls it
-- from time to time. It may go back, as a reader may.
CREATE OR REPLACE FUNCTION "audit"."note_cursor"(
  "name" text, "history" uuid, "seq" bigint, "id" uuid
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  if coalesce(char_length(name) not between 1 and 128, true) or history is null or seq is null or seq < 0
  then
    raise exception 'audit.note_cursor needs a name of 1 to 128 characters, a history and a seq'
      using errcode = 'invalid_parameter_value';
  end if;
  insert into audit.audit_cursor as c (name, history, seq, id, seen_at)
  values (note_cursor.name, note_cursor.history, note_cursor.seq, note_cursor.id, clock_timestamp())
  on conflict on constraint audit_cursor_pkey do update
  set history = excluded.history, seq = excluded.seq, id = excluded.id, seen_at = excluded.seen_at;
end
$$;
--> statement-breakpoint
-- Reads DEFAULT for the CHECK that audit.note_default_range() has noted. The log is read and written
-- meanwhile.
CREATE OR REPLACE FUNCTION "audit"."prove_default_range"() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  alter table audit.audit_log_default validate constraint audit_log_default_range;
end
$$;
--> statement-breakpoint
-- Before a partition is put into the log, Postgres looks whether DEFAULT holds a row of it, under the
-- log's lock, unless a CHECK of DEFAULT says that it does not. A long DEFAULT is read for seconds. So the
-- CHECK is noted here, and audit.prove_default_range() reads DEFAULT, while the log is in use. The swap
-- takes it away. Returns whether it was noted: not where DEFAULT is short, or holds a row of the range.
--
-- Until then DEFAULT takes no id of the range. None goes there, because the range has a partition, or lies
-- below the retention line.
CREATE OR REPLACE FUNCTION "audit"."note_default_range"(
  "log_table" text, "lock_timeout_ms" integer DEFAULT 100
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '100ms' AS $$
declare
  -- So many pages are read in some ten milliseconds.
  max_pages_read constant bigint := 4096;
  range record;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  if log_table = 'audit_log_default'
    or pg_relation_size('audit.audit_log_default') / current_setting('block_size')::bigint
      <= max_pages_read
  then
    return false;
  end if;
  select s.from_id, s.to_id into range from audit.audit_swap as s
  where s.partition = log_table and s.state <> 'undone' order by s.swap desc limit 1;
  if not found then
    return false;
  end if;
  range := audit.span_in_log(log_table, range.from_id, range.to_id);
  if range.obstacle is not null then
    return false;
  end if;
  alter table audit.audit_log_default drop constraint if exists audit_log_default_range;
  execute format(
    'alter table audit.audit_log_default add constraint audit_log_default_range '
    'check (id < %L or id >= %L) not valid', range.from_id, range.to_id);
  return true;
end
$$;
--> statement-breakpoint
-- Notes what a run of retention has found, for status and metrics: which partitions had to stay and why,
-- and of when the oldest entry of each policy is.
CREATE OR REPLACE FUNCTION "audit"."note_retention"("run" jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  if jsonb_typeof(run) is distinct from 'object' or octet_length(run::text) > 262144 then
    raise exception 'a run of retention must be an object of at most 256 KiB'
      using errcode = 'invalid_parameter_value';
  end if;
  update audit.audit_retention as r set last_run_at = clock_timestamp(), last_run = run;
end
$$;
--> statement-breakpoint
-- The first step of retention, which changes nothing: what would happen to a partition. No row where
-- there is nothing to say: of DEFAULT, where nothing is due.
--
-- actions: each action with its rows, its policy, and whether it is due. due: rows whose policy is over.
-- held: those of them that a hold keeps. goes: what would be removed. cursors: readers with a name that
-- have not read up to the last row of those; "waits" says whether retention waits for them.
CREATE OR REPLACE FUNCTION "audit"."plan_retention"(
  "log_table" text, "ignored" text[] DEFAULT '{}',
  OUT "partition" text, OUT "from_at" timestamptz, OUT "to_at" timestamptz,
  OUT "rows" bigint, OUT "bytes" bigint, OUT "due" bigint, OUT "held" bigint, OUT "goes" bigint,
  OUT "actions" jsonb, OUT "cursors" jsonb
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  bounds constant record := audit.log_partition(log_table);
  condition constant text := audit.due_condition(log_table);
  is_held constant text := audit.held_condition();
  last_seq bigint;
begin
  partition := log_table;
  from_at := audit.id_time(bounds.from_id);
  to_at := audit.id_time(bounds.to_id);
  execute format($plan$
    select coalesce(sum(a.rows), 0), coalesce(sum(a.due), 0), coalesce(sum(a.held), 0),
      max(a.last_seq) filter (where a.due > a.held),
      coalesce(jsonb_agg(jsonb_build_object(
        'action', a.action, 'rows', a.rows, 'keep', audit.keep_for(a.action)::text,
        'keepDays', extract(epoch from audit.keep_for(a.action)) / 86400,
        'policy', (
          select p.actions from unnest(audit.patterns_of(a.action)) with ordinality as o (actions, place)
          join audit.policies_in_force() as p on p.actions = o.actions
          order by o.place limit 1
        ),
        'due', a.due, 'held', a.held) order by a.action), '[]')
    from (
      select r.action, count(*) as rows, count(*) filter (where %2$s) as due,
        count(*) filter (where %2$s and %3$s) as held, max(r.seq) as last_seq
      from audit.%1$I as r
      group by r.action
    ) as a
    $plan$, partition, '(' || coalesce(condition, 'false') || ')', is_held)
  into rows, due, held, last_seq, actions;
  if due = 0 and to_at is null then
    return;
  end if;
  goes := due - held;
  bytes := pg_total_relation_size(format('audit.%I', partition)::regclass);
  select coalesce(jsonb_agg(jsonb_build_object(
    'name', c.name, 'seq', c.seq, 'seenAt', c.seen_at, 'waits', c.is_waited_for)), '[]')
  into cursors
  from audit.lagging_cursors(last_seq, ignored) as c;
  return next;
end
$$;
--> statement-breakpoint
-- The retention line as a time, for readers: a policy has removed entries of before it. "is_archived"
-- says whether all of them were archived first. No row where nothing was removed.
CREATE OR REPLACE FUNCTION "audit"."removed_before"(
  OUT "line_at" timestamptz, OUT "is_archived" boolean
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select audit.id_time(r.line_id), not exists (
    select from audit.audit_swap as s
    where s.state in ('swapped', 'dropped') and coalesce(s.archive, 'null') = 'null'
  )
  from audit.audit_retention as r where r.line_id is not null
$$;
--> statement-breakpoint
-- The partitions that retention looks at, the oldest first: those that are wholly past the shortest
-- policy, and DEFAULT at the end. It asks the catalogue alone. Each is then planned in a statement of its
-- own, because a statement about all of them would lock all of them.
CREATE OR REPLACE FUNCTION "audit"."retention_candidates"() RETURNS SETOF text
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
declare
  shortest interval;
begin
  select min(p.keep) into shortest from audit.policies_in_force() as p;
  if shortest is null then
    return;
  end if;
  return query
    select p.name from audit.audit_partition as p
    where audit.id_time(p.to_id) + shortest <= now() and exists (
      select from pg_class as c join pg_inherits as i on i.inhrelid = c.oid
      where i.inhparent = 'audit.audit_log'::regclass and c.relname = p.name
    )
    order by p.from_id;
  return next 'audit_log_default';
end
$$;
--> statement-breakpoint
-- Where retention stands, at little cost: the retention line, what the last run found, and when the next partition falls due by a
-- policy that is in force, with its name. The log's own entries and what has gone already are not looked
-- at, so that partition may turn out to hold nothing that is due.
CREATE OR REPLACE FUNCTION "audit"."retention_state"(
  OUT "line_at" timestamptz, OUT "next_at" timestamptz, OUT "next_partition" text,
  OUT "last_run_at" timestamptz, OUT "last_run" jsonb
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
begin
  select audit.id_time(r.line_id), r.last_run_at, r.last_run into line_at, last_run_at, last_run
  from audit.audit_retention as r;
  select d.at, d.name into next_at, next_partition
  from (
    select audit.id_time(p.to_id) + k.keep as at, p.name
    from audit.audit_partition as p cross join audit.policies_in_force() as k
    where k.keep is not null
  ) as d
  where d.at > now()
  order by d.at, d.name limit 1;
end
$$;
--> statement-breakpoint
-- What was taken out of the log and waits for its drop, the oldest first: when it will be dropped, and
-- how many of its entries a hold keeps that was placed since.
CREATE OR REPLACE FUNCTION "audit"."retention_waits"(
  OUT "partition" text, OUT "swap" bigint, OUT "removed" bigint, OUT "swapped_at" timestamptz,
  OUT "drop_at" timestamptz, OUT "is_due" boolean, OUT "held_since" bigint, OUT "bytes" bigint
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$
begin
  for partition, swap, removed, swapped_at, drop_at, bytes in
    select s.partition, s.swap, s.removed, s.swapped_at,
      s.swapped_at + (select r.undo from audit.audit_retention as r),
      pg_total_relation_size(to_regclass(format('audit.%I', s.detached)))
    from audit.audit_swap as s where s.state = 'swapped' order by s.swap
  loop
    is_due := drop_at <= now();
    held_since := audit.held_since(swap);
    return next;
  end loop;
end
$$;
--> statement-breakpoint
-- Takes back the newest removal of a partition that still waits for its drop: the table that was taken
-- out comes back in the place of what was kept of it. What came since is copied back first, and where a
-- wider partition has got its time meanwhile, that one is joined with it. The numbers are no longer among
-- the removed ones, the retention line goes back, and the log says so. Returns the id of the entry
-- audit.retention_undo, or the reason why nothing was done. It fails with 55P03 where a lock was not had in
-- lock_timeout_ms. Then try again.
CREATE OR REPLACE FUNCTION "audit"."undo_retention"(
  "partition" text, "lock_timeout_ms" integer DEFAULT 100,
  OUT "entry_id" uuid, OUT "reason" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '100ms' AS $$
declare
  is_default constant boolean := partition = 'audit_log_default';
  undone audit.audit_swap;
  aside text;
  is_there boolean;
  span record;
  came bigint;
begin
  perform set_config('lock_timeout', lock_timeout_ms::text, true);
  perform audit.begin_retention();
  select * into undone from audit.audit_swap as s
  where s.partition = undo_retention.partition and s.state = 'swapped'
  order by s.swap desc limit 1;
  if not found then
    select format('what was removed of it last was %s on %s', s.state, s.ended_at::date) into reason
    from audit.audit_swap as s
    where s.partition = undo_retention.partition and s.ended_at is not null
    order by s.swap desc limit 1;
    reason := coalesce(reason, 'nothing of it was removed');
    return;
  end if;
  is_there := to_regclass(format('audit.%I', partition)) is not null;
  aside := format('%s_undone_%s', partition, undone.swap);
  if is_default then
    came := audit.join_into_default(undone.detached);
  else
    span := audit.span_in_log(partition, undone.from_id, undone.to_id);
    if span.obstacle is not null then
      reason := span.obstacle;
      return;
    end if;
    came := audit.join_into(undone.detached, span.from_id, span.to_id, span.joined);
  end if;
  entry_id := audit.put_ours(
    'audit.retention_undo', null,
    jsonb_build_object(
      'partition', partition, 'retention', undone.entry_id, 'broughtBack', undone.removed,
      'cameSince', came, 'firstSeq', undone.first_seq, 'lastSeq', undone.last_seq
    ),
    jsonb_build_object('databaseLogin', session_user)
  );
  delete from audit.audit_removed as r where r.by_entry = undone.entry_id;
  update audit.audit_swap as s set state = 'undone', ended_at = clock_timestamp()
  where s.swap = undone.swap;
  perform audit.changed_behind(
    undone.runs::int8multirange,
    case when is_default then 'ffffffff-ffff-ffff-ffff-ffffffffffff' else undone.to_id end);
  perform audit.set_retention_line();
  if is_default then
    perform audit.swap_partition(partition, undone.detached, aside, null, null);
  else
    perform audit.swap_partition(
      partition, undone.detached, aside, span.from_id, span.to_id, span.joined);
  end if;
  if is_there then
    execute format('drop table audit.%I', aside);
  end if;
end
$$;
--> statement-breakpoint
-- The sessions for which retention may wait, the longest transaction first: those that hold a lock of
-- the log, or that are placing or changing a hold or a policy.
CREATE OR REPLACE FUNCTION "audit"."who_blocks_retention"(
  OUT "pid" integer, OUT "login" text, OUT "application" text, OUT "for_ms" double precision
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.pid, h.login, h.application, max(h.for_ms)
  from (
    select w.pid, w.login, w.application, w.for_ms from audit.who_holds_log() as w
    union all
    select k.pid, a.usename::text, a.application_name,
      (extract(epoch from clock_timestamp() - a.xact_start) * 1000)::double precision
    from pg_locks as k left join pg_stat_activity as a on a.pid = k.pid
    where k.locktype = 'relation' and k.granted and k.pid is distinct from pg_backend_pid()
      and k.mode <> 'AccessShareLock'
      and k.database = (select d.oid from pg_database as d where d.datname = current_database())
      and k.relation in (
        to_regclass('audit.audit_hold'), to_regclass('audit.audit_policy'),
        to_regclass('audit.audit_retention')
      )
  ) as h
  group by h.pid, h.login, h.application
  order by 4 desc nulls last, 1
$$;
--> statement-breakpoint
-- Who may do what to the log, for the entries that say so from time to time: the roles that may use the
-- schema with the logins that are members of them, the superusers, who owns the schema's objects, and
-- whether the triggers that guard the log are on. Of a long list the first 100, with how many there are.
CREATE OR REPLACE FUNCTION "audit"."access_review"() RETURNS jsonb
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  with roles as (
    select n.nspowner as role from pg_namespace as n where n.nspname = 'audit'
    union
    select a.grantee from pg_namespace as n, aclexplode(n.nspacl) as a where n.nspname = 'audit'
  ),
  members as (
    select r.role, array_agg(l.rolname::text order by l.rolname) as logins
    from roles as r
    join pg_roles as l on l.rolcanlogin and not l.rolsuper and l.oid <> r.role
      and r.role <> 0 and pg_has_role(l.oid, r.role, 'member')
    group by r.role
  ),
  superusers as (
    select array_agg(l.rolname::text order by l.rolname) as logins
    from pg_roles as l where l.rolsuper and l.rolcanlogin
  ),
  owners as (
    select o.owner, count(*) as objects from (
      select c.relowner as owner from pg_class as c
      where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
      union all
      select p.proowner from pg_proc as p where p.pronamespace = 'audit'::regnamespace
    ) as o group by o.owner
  ),
  guarded as (
    select c.oid, c.relname::text as name from pg_class as c
    where c.oid = 'audit.audit_log'::regclass
    union all
    select c.oid, c.relname::text from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'audit.audit_log'::regclass
  ),
  unguarded as (
    select array_agg(g.name order by g.name) as names from guarded as g
    where (
      select count(*) from pg_trigger as t
      where t.tgrelid = g.oid and t.tgenabled = 'A'
        and t.tgname in ('audit_log_append_only', 'audit_log_row_append_only')
    ) < 2
  ),
  off as (
    select array_agg(format('%s on %s', t.tgname, t.tgrelid::regclass) order by t.tgrelid, t.tgname) as names
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
    where c.relnamespace = 'audit'::regnamespace and not t.tgisinternal and t.tgenabled <> 'A'
  )
  select jsonb_build_object(
    'roles', (
      select jsonb_object_agg(
        case r.role when 0 then 'PUBLIC' else pg_get_userbyid(r.role)::text end,
        jsonb_build_object('count', coalesce(cardinality(m.logins), 0),
          'logins', to_jsonb(coalesce(m.logins[:100], '{}'))))
      from roles as r left join members as m on m.role = r.role
    ),
    'superusers', (
      select jsonb_build_object('count', coalesce(cardinality(s.logins), 0),
        'logins', to_jsonb(coalesce(s.logins[:100], '{}')))
      from superusers as s
    ),
    'owners', (select jsonb_object_agg(pg_get_userbyid(o.owner), o.objects) from owners as o),
    'guards', (
      select jsonb_build_object('tables', (select count(*) from guarded),
        'unguarded', to_jsonb(coalesce(u.names[:100], '{}')), 'off', to_jsonb(coalesce(f.names[:100], '{}')))
      from unguarded as u, off as f
    )
  )
$$;
--> statement-breakpoint
-- Begins the first tree of the seal in this database, from the first number of the log on. Where there is
-- one, nothing is done: only "audit-relay restored" begins a further one.
CREATE OR REPLACE FUNCTION "audit"."begin_seal"("origin" smallint, "name" text) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
  insert into audit.audit_origin (origin, name, first_seq, history)
  select begin_seal.origin, begin_seal.name, 1, h.history
  from audit.audit_head as h
  where not exists (select from audit.audit_origin)
  on conflict do nothing
$$;
--> statement-breakpoint
-- Refuses what a table of the seal does not do: it grows. A tile gets hashes at its end, a checkpoint
-- stands on the newest one, and of a salt the 16 bytes of an entry become zero, or come back with an
-- archive. The triggers that call it are ENABLE ALWAYS.
CREATE OR REPLACE FUNCTION "audit"."guard_seal"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
declare
  wrong text;
begin
  if tg_table_name = 'audit_tile' and tg_op in ('INSERT', 'UPDATE') then
    if octet_length(new.hashes) % 32 <> 0 or octet_length(new.hashes) not between 32 and 8192 then
      wrong := 'a tile holds 1 to 256 hashes';
    elsif tg_op = 'UPDATE' and (
      (new.origin, new.level, new.n) is distinct from (old.origin, old.level, old.n)
      or substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes
    ) then
      wrong := 'a tile grows at its end';
    end if;
  elsif tg_table_name = 'audit_salt' and tg_op in ('INSERT', 'UPDATE') then
    if octet_length(new.salts) <> 4096 then
      wrong := 'there are 256 salts to a row';
    elsif tg_op = 'UPDATE' and (new.n <> old.n or exists (
      select from generate_series(1, 4081, 16) as place
      where substr(new.salts, place, 16) <> substr(old.salts, place, 16)
        and decode(repeat('00', 16), 'hex')
          not in (substr(new.salts, place, 16), substr(old.salts, place, 16))
    )) then
      wrong := 'a salt is kept or becomes zero';
    end if;
  elsif tg_table_name = 'audit_checkpoint' and tg_op = 'INSERT' then
    if new.previous <> coalesce(
      (select max(c.size) from audit.audit_checkpoint as c where c.origin = new.origin), 0)
    then
      wrong := 'a checkpoint stands on the newest one';
    end if;
  elsif tg_op <> 'INSERT' then
    wrong := 'rows are only added';
  end if;
  if wrong is not null then
    raise exception '% on %.% refused: %', tg_op, tg_table_schema, tg_table_name, wrong
      using errcode = 'insufficient_privilege',
        hint = '"audit-relay verify" tells whether the log is still what was sealed.';
  end if;
  return new;
end
$$;
--> statement-breakpoint
-- Gives a table of the seal the triggers that let it only grow, also under session_replication_role =
-- replica.
CREATE OR REPLACE FUNCTION "audit"."guard_seal_table"("seal_table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  execute format('drop trigger if exists audit_seal_row on %s', seal_table);
  execute format('drop trigger if exists audit_seal_truncate on %s', seal_table);
  execute format('create trigger audit_seal_row before insert or update or delete on %s '
    'for each row execute function audit.guard_seal()', seal_table);
  execute format('create trigger audit_seal_truncate before truncate on %s '
    'for each statement execute function audit.guard_seal()', seal_table);
  execute format('alter table %s enable always trigger audit_seal_row', seal_table);
  execute format('alter table %s enable always trigger audit_seal_truncate', seal_table);
end
$$;
--> statement-breakpoint
-- The newest checkpoint of the newest tree of the seal, with the lines of its cosignatures. Nulls where
-- there is none.
CREATE OR REPLACE FUNCTION "audit"."newest_checkpoint"(
  OUT "name" text, OUT "size" bigint, OUT "note" text, OUT "sealed_at" timestamptz
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select o.name, c.size, c.note || coalesce((
      select string_agg(s.line || chr(10), '' order by s.at, s.name)
      from audit.audit_cosignature as s where s.origin = c.origin and s.size = c.size
    ), ''), c.sealed_at
  from audit.audit_origin as o
  join audit.audit_checkpoint as c on c.origin = o.origin
  order by c.origin desc, c.size desc limit 1
$$;
--> statement-breakpoint
-- Writes down what a run of verify came to, as an entry "audit.verify" in the outbox lane, together with
-- who could do what to the log at that time: so that an access review has a history. Returns the entry's
-- id.
CREATE OR REPLACE FUNCTION "audit"."note_verify"("result" jsonb) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
begin
  if jsonb_typeof(result) is distinct from 'object' or octet_length(result::text) > 16384 then
    raise exception 'audit.note_verify takes an object of at most 16 KiB'
      using errcode = 'invalid_parameter_value';
  end if;
  return audit.put_ours(
    'audit.verify', null, result || jsonb_build_object('access', audit.access_review()),
    jsonb_build_object('databaseLogin', session_user)
  );
end
$$;
--> statement-breakpoint
-- Keeps what a witness signed below a checkpoint.
CREATE OR REPLACE FUNCTION "audit"."put_cosignature"(
  "origin" smallint, "size" bigint, "name" text, "line" text
) RETURNS void
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_cosignature (origin, size, name, line)
  select c.origin, c.size, put_cosignature.name, put_cosignature.line
  from audit.audit_checkpoint as c
  where c.origin = put_cosignature.origin and c.size = put_cosignature.size
  on conflict do nothing
$$;
--> statement-breakpoint
-- Makes the salts of the numbers of these rows, where they are missing. Of several sealers the first one
-- decides the random bytes; from then on each of them makes the same leaves.
CREATE OR REPLACE FUNCTION "audit"."put_salts"("from_n" bigint, "to_n" bigint) RETURNS void
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  insert into audit.audit_salt (n, salts)
  select missing.n, string_agg(uuid_send(gen_random_uuid()), ''::bytea)
  from (
    select g.n from generate_series(from_n, to_n) as g (n)
    where not exists (select from audit.audit_salt as s where s.n = g.n)
  ) as missing
  cross join generate_series(1, 256)
  group by missing.n
  order by missing.n
  on conflict (n) do nothing
$$;
--> statement-breakpoint
-- Puts a signed checkpoint on top of the one of from_size, with the tiles that grew, in one transaction:
-- there is no checkpoint whose tiles are missing. Returns false where another sealer was faster. The lock
-- on the tree's row keeps sealers in turn for the length of this statement. The tiles are a list of
-- {level, n, hashes}, the hashes in base64.
CREATE OR REPLACE FUNCTION "audit"."put_seal"(
  "origin" smallint, "from_size" bigint, "to_size" bigint, "root" bytea, "note" text, "tiles" json
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  tree audit.audit_origin;
begin
  -- What a sealer has signed must not be lost by a crash: it would refuse to go on.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  select * into tree from audit.audit_origin as o where o.origin = put_seal.origin for update;
  if tree is null
    or exists (select from audit.audit_origin as o where o.origin > put_seal.origin)
    or from_size <> coalesce(
      (select max(c.size) from audit.audit_checkpoint as c where c.origin = put_seal.origin), 0)
  then
    return false;
  end if;
  if to_size > (select h.seq from audit.audit_head as h) - tree.first_seq + 1 then
    raise exception 'the log has no entry %', tree.first_seq - 1 + to_size
      using errcode = 'invalid_parameter_value';
  end if;
  insert into audit.audit_tile as t (origin, level, n, hashes)
  select put_seal.origin, g.level, g.n, decode(g.hashes, 'base64')
  from json_to_recordset(tiles) as g (level smallint, n bigint, hashes text)
  order by g.level, g.n
  on conflict on constraint audit_tile_origin_level_n_pk do update set hashes = excluded.hashes
  where octet_length(t.hashes) < octet_length(excluded.hashes);
  insert into audit.audit_checkpoint (origin, size, previous, root, note)
  values (put_seal.origin, to_size, from_size, put_seal.root, put_seal.note);
  return true;
end
$$;
--> statement-breakpoint
-- The hashes of a tile of the seal, one behind the other. Null where there is none.
CREATE OR REPLACE FUNCTION "audit"."read_tile"("origin" smallint, "level" smallint, "n" bigint)
RETURNS bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select t.hashes from audit.audit_tile as t
  where t.origin = read_tile.origin and t.level = read_tile.level and t.n = read_tile.n
$$;
--> statement-breakpoint
-- Writes down that the log is sealed by another key from now on, so that the change itself is sealed.
CREATE OR REPLACE FUNCTION "audit"."rotate_key"("before" text, "after" text, "reason" text) RETURNS uuid
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
begin
  if num_nulls("before", "after", reason) > 0
    or greatest(char_length("before"), char_length("after"), char_length(reason)) > 1000
  then
    raise exception 'a key or a reason is missing, or longer than 1000 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  return audit.put_ours(
    'audit.key_rotate', null,
    jsonb_build_object('before', "before", 'after', "after", 'reason', reason),
    jsonb_build_object('databaseLogin', session_user)
  );
end
$$;
--> statement-breakpoint
-- How far the log is sealed: the newest tree and its size, how many entries wait for it, for how long the
-- oldest of them has waited, and when the newest checkpoint was signed. Nulls where nothing was ever
-- sealed.
CREATE OR REPLACE FUNCTION "audit"."seal_figures"(
  OUT "name" text, OUT "size" bigint, OUT "through" bigint, OUT "unsealed" bigint,
  OUT "lag_ms" double precision, OUT "sealed_at" timestamptz, OUT "since" timestamptz
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  tree audit.audit_origin;
  oldest uuid;
begin
  select * into tree from audit.audit_origin as o order by o.origin desc limit 1;
  if not found then
    return;
  end if;
  name := tree.name;
  since := tree.begun_at;
  select c.size, c.sealed_at into size, sealed_at
  from audit.audit_checkpoint as c where c.origin = tree.origin order by c.size desc limit 1;
  size := coalesce(size, 0);
  through := tree.first_seq - 1 + size;
  unsealed := greatest((select h.seq from audit.audit_head as h) - through, 0);
  lag_ms := 0;
  if unsealed > 0 then
    oldest := audit.id_of_seq(through + 1);
    execute 'select extract(epoch from clock_timestamp() - l.logged_at) * 1000
      from audit.audit_log as l where l.id = $1' into lag_ms using oldest;
    -- The entry is gone: since the last checkpoint, at most.
    lag_ms := greatest(coalesce(
      lag_ms, extract(epoch from clock_timestamp() - coalesce(sealed_at, since)) * 1000), 0);
  end if;
end
$$;
--> statement-breakpoint
-- The leaf hashes of these numbers, one behind the other, and the numbers that have no entry although no
-- policy removed it: at most 100 of them, and how many there are. Such a number gets a leaf that says
-- that it was missing.
--
-- - The salts are made first, in the same transaction. What a sealer then reads another one reads, too.
-- - Entries up to the head are there: the move that raises it has logged them.
-- - It reads one range of ids after the other.
-- - Two entries with one number are no work of ours. One of them is sealed, and verify tells the other.
CREATE OR REPLACE FUNCTION "audit"."seal_leaves"(
  "from_seq" bigint, "to_seq" bigint,
  OUT "leaves" bytea, OUT "missing" json, OUT "missing_count" integer
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
-- By the index on seq. Nothing else is cheaper, whatever the statistics say.
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off
SET jit = off AS $$
declare
  most constant bigint := 65536;
  first_n constant bigint := from_seq / 256;
  salts bytea;
  range record;
  part record;
  seqs bigint[] := '{}';
  hashes bytea[] := '{}';
begin
  -- What a sealer has signed must not be lost by a crash: it would refuse to go on.
  if current_setting('synchronous_commit') = 'off' then
    perform set_config('synchronous_commit', 'on', true);
  end if;
  if from_seq < 1 or to_seq < from_seq or to_seq - from_seq >= most
    or to_seq > (select h.seq from audit.audit_head as h)
  then
    raise exception 'no leaves from % to %', from_seq, to_seq using errcode = 'invalid_parameter_value';
  end if;
  perform audit.put_salts(first_n, to_seq / 256);
  select string_agg(s.salts, ''::bytea order by s.n) into salts
  from audit.audit_salt as s where s.n between first_n and to_seq / 256;
  if octet_length(salts) is distinct from (to_seq / 256 - first_n + 1)::integer * 4096 then
    raise exception 'salts from % to % are missing', from_seq, to_seq using errcode = 'data_corrupted';
  end if;

  for range in select r.from_id, r.to_id from audit.ranges_of_seqs(from_seq, to_seq) as r
  loop
    -- With its values the statement is planned for this range alone. A plan that is kept locks all.
    execute 'select array_agg(l.seq) as seqs, array_agg(sha256(decode(''00'', ''hex'')
        || convert_to(audit.leaf_of(l, k.keys, k.rare_keys), ''UTF8''))) as hashes
      from audit.audit_log as l
      cross join lateral (
        select sha512(s.salt) as keys,
          case when l.actor_id is not null or l.more_targets is not null
            then sha512(s.salt || decode(''01'', ''hex'')) end as rare_keys
        from (select substr($3, (l.seq - $4)::integer * 16 + 1, 16) as salt offset 0) as s offset 0
      ) as k
      where l.seq between $1 and $2 and l.id >= $5 and ($6 is null or l.id < $6)'
    into part using from_seq, to_seq, salts, first_n * 256, range.from_id, range.to_id;
    if part.seqs is not null then
      seqs := seqs || part.seqs;
      hashes := hashes || part.hashes;
    end if;
  end loop;

  select
    string_agg(coalesce(e.hash, sha256(decode('00', 'hex') || convert_to(
      concat('{"v":1,"seq":', n.seq, ',"missing":true}'), 'UTF8'))), ''::bytea order by n.seq),
    array_agg(n.seq order by n.seq) filter (where e.hash is null)
  into leaves, seqs
  from generate_series(from_seq, to_seq) as n (seq)
  left join (
    select distinct on (u.seq) u.seq, u.hash
    from unnest(seqs, hashes) as u (seq, hash) order by u.seq, u.hash
  ) as e on e.seq = n.seq;
  select count(*), coalesce(json_agg(m.seq order by m.seq) filter (where m.place <= 100), '[]')
  into missing_count, missing
  from (
    select u.seq, row_number() over (order by u.seq) as place
    from unnest(seqs) as u (seq)
    where u.seq > coalesce((
      select r.last_seq from audit.audit_removed as r
      where r.first_seq <= u.seq order by r.first_seq desc limit 1
    ), 0)
  ) as m;
end
$$;
--> statement-breakpoint
-- What a sealer asks before it works: how far the log is and in which history, the newest tree of the
-- seal and its newest checkpoint (null where there is none), whether a person declared the history by
-- "audit-relay restored", and how many rows wait in the lanes (at most max_waiting are counted). It
-- writes nothing.
CREATE OR REPLACE FUNCTION "audit"."seal_state"(
  "max_waiting" integer,
  OUT "head" bigint, OUT "history" uuid, OUT "is_declared" boolean,
  OUT "origin" smallint, OUT "name" text, OUT "first_seq" bigint, OUT "origin_history" uuid,
  OUT "size" bigint, OUT "root" bytea, OUT "note" text, OUT "waiting" integer
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.seq, h.history, coalesce(y.is_declared, false),
    o.origin, o.name, o.first_seq, o.history, c.size, c.root, c.note,
    (
      select count(*) from (
        (select from audit.audit_staging limit max_waiting)
        union all
        (select from audit.audit_outbox limit max_waiting)
      ) as waits
    )::integer
  from audit.audit_head as h
  left join audit.audit_history as y on y.history = h.history
  left join lateral (
    select t.* from audit.audit_origin as t order by t.origin desc limit 1
  ) as o on true
  left join lateral (
    select p.* from audit.audit_checkpoint as p where p.origin = o.origin order by p.size desc limit 1
  ) as c on true
$$;
--> statement-breakpoint
-- Drops what the search knows of entries from this number on, which begins a block, because the log has given
-- their numbers again. Of a run across it the blocks before stay, and are made again.
CREATE OR REPLACE FUNCTION "audit"."drop_search"("from_seq" bigint) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  cut constant bigint := (from_seq - 1) / 4096;
begin
  delete from audit.audit_search_slice as s
  using audit.audit_search_run as r
  where r.first_block = s.first_block and r.first_block + r.blocks > cut;
  delete from audit.audit_search_run as r where r.first_block >= cut;
  update audit.audit_search_run as r set blocks = cut - r.first_block, log2 = null
  where r.first_block + r.blocks > cut;
  delete from audit.audit_search_block as b where b.block >= cut;
  return true;
end
$$;
--> statement-breakpoint
-- Puts the bits of blocks in the place of what is there of them: a new block, a run that is made again, or
-- the run of several blocks that are there. "slices" are the slices of all bits, one behind the other, and lie
-- in rows of "part_bytes". "times" and "members" are those of all groups; null where they stay. Returns false where entries
-- were emptied, removed or brought back since they were read ("changes" is the consumer's), or where the
-- search was turned off. The lock on the consumer's row keeps those who do so in turn.
CREATE OR REPLACE FUNCTION "audit"."put_search"(
  "first_block" bigint, "blocks" smallint, "log2" smallint, "slices" bytea, "part_bytes" integer,
  "times" bytea, "members" bytea, "min_ms" bigint, "max_ms" bigint, "changes" bigint
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  last_block constant bigint := first_block + blocks - 1;
  there record;
begin
  perform set_config('synchronous_commit', 'off', true);
  perform 1 from audit.audit_follow as f
  where f.consumer = 'search' and f.changes = put_search.changes and f.seq >= (last_block + 1) * 4096
    and f.since_seq <= put_search.first_block * 4096 + 1
  for update;
  if not found then
    return false;
  end if;
  select coalesce(sum(r.blocks), 0) as blocks, min(r.min_ms) as min_ms, max(r.max_ms) as max_ms,
    bool_or(r.first_block < put_search.first_block or r.first_block + r.blocks - 1 > last_block) as is_wider
  into there
  from audit.audit_search_run as r
  where r.first_block between put_search.first_block - 15 and last_block
    and r.first_block + r.blocks > put_search.first_block;
  if there.is_wider or there.blocks not in (0, blocks) or times is null and there.blocks = 0 then
    return false;
  end if;
  delete from audit.audit_search_slice as s
  where s.first_block between put_search.first_block and last_block;
  delete from audit.audit_search_run as r
  where r.first_block between put_search.first_block and last_block;
  insert into audit.audit_search_run (first_block, blocks, log2, min_ms, max_ms)
  values (
    put_search.first_block, put_search.blocks, put_search.log2,
    case when times is null then there.min_ms else put_search.min_ms end,
    case when times is null then there.max_ms else put_search.max_ms end
  );
  insert into audit.audit_search_slice (first_block, part, slices)
  select put_search.first_block, p.part, substr(put_search.slices, p.part * part_bytes + 1, part_bytes)
  from generate_series(0, (octet_length(put_search.slices) - 1) / part_bytes) as p (part);
  if times is not null then
    insert into audit.audit_search_block as b (block, times, members)
    select put_search.first_block + n, substr(put_search.times, n * 768 + 1, 768),
      substr(put_search.members, n * 8192 + 1, 8192)
    from generate_series(0, blocks - 1) as n
    on conflict on constraint audit_search_block_pkey do update
      set times = excluded.times, members = excluded.members;
  end if;
  return true;
end
$$;
--> statement-breakpoint
-- Turns the search off, and drops all of it. Returns whether it was on.
CREATE OR REPLACE FUNCTION "audit"."search_off"() RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s' AS $$
begin
  delete from audit.audit_follow as f where f.consumer = 'search';
  if not found then
    return false;
  end if;
  truncate audit.audit_search_slice, audit.audit_search_run, audit.audit_search_block;
  return true;
end
$$;
--> statement-breakpoint
-- Turns the search on, from this number on: the relay makes it then, from the block that the number is in. A
-- moment stands for the least number of an entry that was recorded then or later. Where it is on already,
-- nothing changes. Returns the first number that it has.
CREATE OR REPLACE FUNCTION "audit"."search_on"("since_seq" bigint, "since" timestamptz) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC'
SET lock_timeout = '10s' AS $$
declare
  first bigint := coalesce(since_seq, 1);
  part record;
  found_seq bigint;
begin
  -- As begin_follow() does, and before a partition is read: who brings one back locks them in this order.
  lock table audit.audit_follow in share row exclusive mode;
  if since is not null then
    first := audit.last_seq() + 1;
    for part in
      select p.name from audit.audit_partition as p where p.to_id > audit.id_floor(since)
      union all select 'audit_log_default'
    loop
      -- Not the number of the first id: an import may have brought that one last.
      execute format('select l.seq from audit.%I as l where l.id >= $1 order by l.seq limit 1', part.name)
      into found_seq using audit.id_floor(since);
      first := least(first, found_seq);
    end loop;
  end if;
  if first < 1 then
    raise exception 'the numbers of the log begin at 1' using errcode = 'invalid_parameter_value';
  end if;
  -- 16 blocks become one run.
  return audit.begin_follow('search', (least(first, audit.last_seq() + 1) - 1) / 65536 * 65536 + 1);
end
$$;
--> statement-breakpoint
-- All slices of a run, one behind the other, and how many bits a group has. For the relay, which joins blocks.
CREATE OR REPLACE FUNCTION "audit"."search_slices"(
  "first_block" bigint, OUT "log2" smallint, OUT "slices" bytea
)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select r.log2, (
    select string_agg(s.slices, ''::bytea order by s.part) from audit.audit_search_slice as s
    where s.first_block = r.first_block
  )
  from audit.audit_search_run as r
  where r.first_block = search_slices.first_block and r.blocks = 1 and r.log2 is not null
$$;
--> statement-breakpoint
-- How far the search is: from which number on, up to which one, and how many numbers wait (less than 4,096
-- always do); blocks whose words were taken out and that are made again; how many bytes it takes. No row where
-- it is off.
CREATE OR REPLACE FUNCTION "audit"."search_state"(
  OUT "since_seq" bigint, OUT "seq" bigint, OUT "head" bigint, OUT "moved_at" timestamptz,
  OUT "blocks" bigint, OUT "unmade" bigint, OUT "bytes" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select f.since_seq, f.seq, f.head, f.moved_at,
    (select coalesce(sum(r.blocks), 0) from audit.audit_search_run as r),
    (select coalesce(sum(r.blocks), 0) from audit.audit_search_run as r where r.log2 is null),
    pg_total_relation_size('audit.audit_search_slice') + pg_total_relation_size('audit.audit_search_run')
      + pg_total_relation_size('audit.audit_search_block')
  from audit.follow_state() as f where f.consumer = 'search'
$$;
--> statement-breakpoint
-- The next thing to be done for the search besides new blocks: blocks whose words were taken out, which are
-- made again, or 16 single blocks that become a run. No row: nothing.
CREATE OR REPLACE FUNCTION "audit"."search_work"(
  OUT "first_block" bigint, OUT "blocks" smallint, OUT "is_made" boolean
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select * from (
    select r.first_block, r.blocks, false from audit.audit_search_run as r
    where r.log2 is null order by r.first_block desc limit 1
  ) as unmade
  union all
  select * from (
    select r.first_block / 16 * 16, 16::smallint, true from audit.audit_search_run as r
    where r.blocks = 1 and r.log2 is not null
    group by r.first_block / 16 having count(*) = 16 limit 1
  ) as single
  limit 1
$$;
--> statement-breakpoint
-- What a scrape and a health check ask: what waits in the lanes, the last seq, how many dead letters
-- there are (counted up to 10,000), how many gaps were declared, and what the recorders reported as
-- dropped, by reason, how many legal holds are in force, for how long the oldest partition has waited
-- to be archived, and what the last run of retention found. The cost is bounded, however long the lanes are. A reported value that is no count is
-- left out.
CREATE OR REPLACE FUNCTION "audit"."backlog"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "import_depth" double precision, OUT "import_is_estimate" boolean,
  OUT "last_seq" bigint, OUT "dead_letters" integer, OUT "gaps" integer, OUT "dropped" json,
  OUT "holds" integer, OUT "archive_lag_ms" double precision, OUT "retention" json
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    import.depth, import.is_estimate,
    (select h.seq from audit.audit_head as h),
    (select count(*) from (select from audit.audit_dead_letter limit 10000) as d)::integer,
    (select sum(l.resets) from audit.audit_lane as l where l.lane <> 'import')::integer,
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
    ),
    (select count(*) from audit.audit_hold as h where h.released_at is null)::integer,
    -- Null: nothing was ever archived, so nobody waits for it.
    case when exists (select from audit.audit_archive as a where a.stored_at is not null) then (
      select coalesce(extract(epoch from clock_timestamp() - min(d.ended_at)) * 1000, 0)
      from audit.archive_due() as d
    )::double precision end,
    (
      select json_build_object('atMs', extract(epoch from r.last_run_at) * 1000, 'found', r.last_run)
      from audit.audit_retention as r where r.last_run_at is not null
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox,
    audit.lane_look('import') as import
$$;
--> statement-breakpoint
-- How large the log is on disk, in bytes: its partitions with their indexes. What retention has taken out
-- of it is no part of it any more.
CREATE OR REPLACE FUNCTION "audit"."log_bytes"() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select coalesce(sum(pg_total_relation_size(i.inhrelid)), 0)::bigint
  from pg_inherits as i where i.inhparent = 'audit.audit_log'::regclass
$$;
--> statement-breakpoint
-- How many entries of each recorder the moves have logged, in the order of the recorders' ids, behind
-- one id and at most so many. A reader of the log compares them with the entries that are there.
CREATE OR REPLACE FUNCTION "audit"."logged_counts"(
  "after" uuid, "most" integer, OUT "id" uuid, OUT "logged" bigint
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select r.id, r.logged from audit.audit_recorder as r
  where r.id > after order by r.id limit most
$$;
--> statement-breakpoint
-- The last number of the log, and how many entries of recorders the moves have logged up to it.
CREATE OR REPLACE FUNCTION "audit"."logged_total"(OUT "last_seq" bigint, OUT "logged" bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select h.seq, (select coalesce(sum(r.logged), 0)::bigint from audit.audit_recorder as r)
  from audit.audit_head as h
$$;
--> statement-breakpoint
-- The account of each recorder that reported within a day, died, misses entries or has some on their
-- way; the newest first, at most 1,000. The accounts are exact, so the function reads all lanes
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
      union all
      select i.recorder_id from audit.audit_import as i
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
-- The figures of "audit-relay status": what waits in the lanes, the last seq, and how many dead
-- letters, declared gaps and legal holds in force there are.
CREATE OR REPLACE FUNCTION "audit"."status"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "import_depth" double precision, OUT "import_is_estimate" boolean,
  OUT "last_seq" bigint, OUT "dead_letters" bigint, OUT "gaps" bigint,
  OUT "holds" bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    import.depth, import.is_estimate,
    (select h.seq from audit.audit_head as h),
    (select count(*) from audit.audit_dead_letter),
    (select sum(l.resets) from audit.audit_lane as l where l.lane <> 'import'),
    (select count(*) from audit.audit_hold as h where h.released_at is null)
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox,
    audit.lane_look('import') as import
$$;
--> statement-breakpoint
-- The tokens, oldest first: those in force, and with "ended" also those that are not any more. Never a hash.
CREATE OR REPLACE FUNCTION "audit"."list_tokens"(
  "ended" boolean DEFAULT false, OUT "id" uuid, OUT "name" text, OUT "scope" text,
  OUT "per_minute" integer, OUT "made_by" text, OUT "made_at" text, OUT "expires_at" text,
  OUT "used_at" text, OUT "revoked_by" text, OUT "revoked_at" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select t.id, t.name, t.scope::text, t.per_minute,
    t.made_by, to_json(t.made_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(t.expires_at at time zone 'UTC') #>> '{}' || 'Z',
    to_json(t.used_at at time zone 'UTC') #>> '{}' || 'Z',
    t.revoked_by, to_json(t.revoked_at at time zone 'UTC') #>> '{}' || 'Z'
  from audit.audit_token as t
  where ended or (t.revoked_at is null and t.expires_at > clock_timestamp())
  order by t.made_at, t.id
$$;
--> statement-breakpoint
-- Makes a token, of which the caller has made the secret and gives the SHA-256 alone, so that the secret
-- is in no statement and in no log of the server. Leaves an entry "audit.token". Returns the token's id.
CREATE OR REPLACE FUNCTION "audit"."make_token"(
  "name" text, "hash" bytea, "scope" jsonb, "per_minute" integer, "expires_at" timestamptz
) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
declare
  made audit.audit_token;
begin
  made.name := btrim(name);
  if coalesce(char_length(made.name), 0) not between 1 and 128 then
    raise exception 'a token needs a name of 1 to 128 characters'
      using errcode = 'invalid_parameter_value';
  end if;
  if octet_length(hash) is distinct from 32 then
    raise exception 'a token is given by its SHA-256' using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(scope) is distinct from 'object' or octet_length(scope::text) > 65536
    or ((scope ? 'sees')::integer + (scope ? 'onlyEventId')::integer) <> 1
  then
    raise exception 'a token sees everything or one event'
      using errcode = 'invalid_parameter_value';
  end if;
  if per_minute is null or per_minute not between 1 and 6000 then
    raise exception 'a token has 1 to 6000 requests in a minute'
      using errcode = 'invalid_parameter_value';
  end if;
  if expires_at is null or expires_at <= clock_timestamp()
    or expires_at > clock_timestamp() + interval '5 years'
  then
    raise exception 'a token ends within five years' using errcode = 'invalid_parameter_value';
  end if;
  made.id := gen_random_uuid();
  made.hash := hash;
  made.scope := scope;
  made.per_minute := per_minute;
  made.expires_at := expires_at;
  made.made_by := session_user;
  made.made_at := clock_timestamp();
  insert into audit.audit_token select made.*;
  perform audit.put_ours(
    'audit.token', null,
    jsonb_build_object(
      'change', 'made', 'id', made.id, 'name', made.name, 'scope', made.scope,
      'perMinute', made.per_minute, 'expiresAt', made.expires_at),
    jsonb_build_object('databaseLogin', session_user)
  );
  return made.id;
end
$$;
--> statement-breakpoint
-- Ends a token at once and leaves an entry "audit.token". Returns whether there was such a token that had
-- not been revoked.
CREATE OR REPLACE FUNCTION "audit"."revoke_token"("token" uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '10s' AS $$
  with revoked as (
    update audit.audit_token as t set revoked_at = clock_timestamp(), revoked_by = session_user
    where t.id = token and t.revoked_at is null returning t.*
  ),
  traced as (
    select audit.put_ours(
      'audit.token', null,
      jsonb_build_object(
        'change', 'revoked', 'id', r.id, 'name', r.name, 'madeBy', r.made_by, 'madeAt', r.made_at),
      jsonb_build_object('databaseLogin', session_user)
    )
    from revoked as r
  )
  select exists (select from traced)
$$;
--> statement-breakpoint
-- What a token may see, by its SHA-256. No row where there is no such token, or it has ended. How
-- long it takes tells nothing about a guess: what is looked up is the hash of the guess, of which
-- nobody can choose the first bytes.
--
-- The time of the use is written at most once a minute, never twice at a time, and not where the
-- transaction may only read, as on a standby.
CREATE OR REPLACE FUNCTION "audit"."use_token"(
  "hash" bytea, OUT "id" uuid, OUT "name" text, OUT "scope" text, OUT "per_minute" integer
) RETURNS SETOF record
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  found_token record;
begin
  select t.id, t.name, t.scope, t.per_minute, t.used_at into found_token
  from audit.audit_token as t
  where t.hash = use_token.hash and t.revoked_at is null and t.expires_at > clock_timestamp();
  if found_token.id is null then
    return;
  end if;
  if current_setting('transaction_read_only') = 'off'
    and coalesce(found_token.used_at < clock_timestamp() - interval '1 minute', true)
  then
    update audit.audit_token as t set used_at = clock_timestamp()
    where t.id = (
      select u.id from audit.audit_token as u where u.id = found_token.id
      for no key update skip locked
    );
  end if;
  id := found_token.id;
  name := found_token.name;
  scope := found_token.scope::text;
  per_minute := found_token.per_minute;
  return next;
end
$$;
--> statement-breakpoint
-- Erases a user from the shared views: forgets that the user saved one, and removes those that name the id
-- of the user. Returns how many views that were.
CREATE OR REPLACE FUNCTION "audit"."erase_views"("user_id" text) RETURNS bigint
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET lock_timeout = '2s' AS $$
declare
  given constant text := audit.hold_id(user_id, 'user');
  removed bigint;
  forgotten bigint;
begin
  delete from audit.audit_view as v where audit.view_names(v, given);
  get diagnostics removed = row_count;
  update audit.audit_view as v set user_id = null, made_by = null where v.user_id = given;
  get diagnostics forgotten = row_count;
  return removed + forgotten;
end
$$;
--> statement-breakpoint
-- Looks closely at an entry about a shared view, before it is put into a lane. "user_id" may be any text, as
-- in audit.note_read(): what its column cannot hold goes to context.invalid. It raises where the entry is too
-- large, so that nobody changes a view without one.
CREATE OR REPLACE FUNCTION "audit"."examine_view"(
  "viewer" text, INOUT "user_id" text, INOUT "metadata" jsonb, INOUT "context" jsonb
)
LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
declare
  given json;
  seen record;
begin
  if coalesce(char_length(btrim(viewer)), 0) not between 1 and 128 then
    raise exception 'a view is saved or removed by somebody' using errcode = 'invalid_parameter_value';
  end if;
  given := json_build_object(
    'action', 'log.view', 'user_id', user_id, 'metadata', jsonb_strip_nulls(metadata),
    'context', coalesce(context, '{}') || jsonb_build_object('viewer', btrim(viewer)));
  seen := audit.examine(given, octet_length(given::text), null, null, true);
  if seen.refusal is not null then
    raise exception 'an entry about a view is refused: %', seen.reason using errcode = seen.refusal;
  end if;
  user_id := row_to_json(seen.entry) ->> 'user_id'; -- by JSON, as in note_read()
  metadata := (seen.entry).metadata;
  context := (seen.entry).context;
end
$$;
--> statement-breakpoint
-- The views that those share who see one event, or with an empty "event" every event. By their names.
CREATE OR REPLACE FUNCTION "audit"."list_views"(
  "event" text, OUT "id" uuid, OUT "name" text, OUT "asked" jsonb, OUT "seen_by" text,
  OUT "user_id" text, OUT "made_by" text, OUT "made_at" text
) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select v.id, v.name, v.asked, v.seen_by, v.user_id, v.made_by,
    to_json(v.made_at at time zone 'UTC') #>> '{}' || 'Z'
  from audit.audit_view as v
  where v.event = list_views.event
  order by lower(v.name), v.name
$$;
--> statement-breakpoint
-- Saves a view that all share who see one event, or with an empty "event" every event. Leaves an entry
-- "audit.view_save", in the same transaction. A view of the same name is replaced where the same person
-- saved it. Otherwise nothing changes, and "problem" says why: "taken", with the name of who saved the other
-- one, or "full", where there are 100 views of the event.
--
-- "user_id" may be any text, as in audit.note_read(). Two who have none are one person if they have one name.
-- The reader says who saves, as it says who reads.
CREATE OR REPLACE FUNCTION "audit"."save_view"(
  "event" text, "name" text, "asked" jsonb, "seen_by" text, "user_id" text, "made_by" text, "context" jsonb,
  OUT "problem" text, OUT "taken_by" text
)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  most constant integer := 100;
  made audit.audit_view;
  other audit.audit_view;
  seen record;
  is_same boolean;
begin
  made.event := event;
  made.name := btrim(name);
  made.asked := asked;
  made.seen_by := seen_by;
  made.made_by := btrim(made_by);
  if made.event is null or char_length(made.event) > 256 then
    raise exception 'a view is of an event, or of every event' using errcode = 'invalid_parameter_value';
  end if;
  if coalesce(char_length(made.name), 0) not between 1 and 60
    or made.name collate "C" ~ '[\u0001-\u001f\u007f-\u009f]'
  then
    raise exception 'a view needs a name of 1 to 60 characters' using errcode = 'invalid_parameter_value';
  end if;
  if jsonb_typeof(made.asked) is distinct from 'object' or octet_length(made.asked::text) > 8192
    or exists (select from jsonb_each(made.asked) as p where jsonb_typeof(p.value) <> 'string')
  then
    raise exception 'a view has texts by the names of parameters' using errcode = 'invalid_parameter_value';
  end if;
  seen := audit.examine_view(
    made_by, user_id,
    jsonb_build_object('view', made.name, 'asked', made.asked, 'event', nullif(made.event, '')),
    context);
  made.user_id := seen.user_id;
  -- Two at a time would both find room for the last view. Nobody who saves one keeps an erasure waiting.
  lock table audit.audit_view in share update exclusive mode;
  select * into other from audit.audit_view as v where v.event = made.event and v.name = made.name;
  if other.id is null
    and (select count(*) from audit.audit_view as v where v.event = made.event) >= most
  then
    problem := 'full';
    return;
  end if;
  if other.id is not null then
    is_same := case when other.user_id is null and made.user_id is null then other.made_by = made.made_by
      else other.user_id = made.user_id end;
    if is_same is not true then -- null where it was erased who saved it
      problem := 'taken';
      taken_by := other.made_by;
      return;
    end if;
    delete from audit.audit_view as v where v.id = other.id;
  end if;
  made.id := gen_random_uuid();
  made.made_at := clock_timestamp();
  made.entry := audit.put_ours('audit.view_save', made.user_id, seen.metadata, seen.context);
  insert into audit.audit_view select made.*;
end
$$;
--> statement-breakpoint
-- Removes a view of an event, or with an empty "event" of those who see every event. Leaves an entry
-- "audit.view_remove", in the same transaction. Returns whether there was such a view. Who removes it is
-- said as in audit.save_view().
CREATE OR REPLACE FUNCTION "audit"."remove_view"(
  "event" text, "view" uuid, "user_id" text, "removed_by" text, "context" jsonb
) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET lock_timeout = '2s' AS $$
declare
  removed audit.audit_view;
  seen record;
begin
  delete from audit.audit_view as v
  where v.event = remove_view.event and v.id = remove_view.view
  returning * into removed;
  if removed.id is null then
    return false;
  end if;
  seen := audit.examine_view(
    removed_by, user_id,
    jsonb_build_object(
      'view', removed.name, 'asked', removed.asked, 'event', nullif(removed.event, ''),
      'savedBy', coalesce(removed.user_id, removed.made_by)),
    context);
  perform audit.put_ours('audit.view_remove', seen.user_id, seen.metadata, seen.context);
  return true;
end
$$;
