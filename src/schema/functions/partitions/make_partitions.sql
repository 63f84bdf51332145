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
