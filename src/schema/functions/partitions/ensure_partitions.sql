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
