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
