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
