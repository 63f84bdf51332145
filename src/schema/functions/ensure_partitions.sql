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
