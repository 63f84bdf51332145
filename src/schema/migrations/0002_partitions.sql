-- The smallest UUID that a UUIDv7 (RFC 9562, section 5.7) made at or after this instant can be:
-- 48 bits of Unix milliseconds, the rest zero. The bounds of the log's partitions.
CREATE FUNCTION "audit"."id_floor"("at" timestamptz) RETURNS uuid
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
  select rpad(lpad(to_hex(floor(extract(epoch from at) * 1000)::bigint), 12, '0'), 32, '0')::uuid
$$;
--> statement-breakpoint
-- A UUIDv7 for entries that come without an id. Postgres has its own only from version 18 on.
CREATE FUNCTION "audit"."new_id"() RETURNS uuid
LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp AS $$
  select (
    lpad(to_hex(floor(extract(epoch from clock_timestamp()) * 1000)::bigint), 12, '0')
    || '7' || substr(random_id, 14)
  )::uuid
  from (select replace(gen_random_uuid()::text, '-', '') as random_id) as made
$$;
--> statement-breakpoint
CREATE TABLE "audit"."audit_log_default" PARTITION OF "audit"."audit_log" DEFAULT;
--> statement-breakpoint
SELECT "audit"."guard_log_table"('audit.audit_log_default');
--> statement-breakpoint
-- Makes the partitions of this month and of the given number of months after it, where they are
-- missing. Returns how many it made. Called by the migrator and, well ahead of need, by the relay.
--
-- A month cannot be made while DEFAULT holds rows of it, and the append-only trigger forbids
-- moving them. Then DEFAULT is detached, a new one stands in, and the old one's rows are copied to
-- where they belong before it is dropped. All of it commits at once or not at all, and it gives up
-- rather than make a writer wait long.
CREATE FUNCTION "audit"."ensure_partitions"("months" integer DEFAULT 3) RETURNS integer
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
  -- One at a time: two relays that start together must not race for the same month.
  perform pg_advisory_xact_lock(hashtextextended('audit.ensure_partitions', 0));
  for ahead in 0 .. months loop
    month_start := date_trunc('month', now()) + make_interval(months => ahead);
    month_end := month_start + interval '1 month';
    partition_name := 'audit_log_' || to_char(month_start, 'YYYY_MM');
    continue when to_regclass('audit.' || partition_name) is not null;
    if made = 0 then
      -- Making a partition takes this lock anyway; before it, rows could still come into DEFAULT.
      lock table only audit.audit_log in access exclusive mode;
    end if;
    if not default_was_detached then -- nested: once it is detached, the query would not even parse
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
SELECT "audit"."ensure_partitions"(3);
