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
