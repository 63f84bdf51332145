-- The fast lane's epoch: null from the moment when it was emptied until a relay has noticed.
CREATE FUNCTION "audit"."lane_epoch"() RETURNS uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select s.epoch from audit.audit_sentinel as s
$$;
--> statement-breakpoint
-- An UNLOGGED table is empty after a crash of the server, of one backend, or after a failover. Its
-- sentinel is empty then too, and no longer equal to what the LOGGED audit_lane holds.
--
-- Gives the lane a new epoch and records what may be lost as an entry of our own, in the LOGGED lane
-- and in the same transaction, so that it is declared once or the next call declares it. A recorder
-- that still holds entries of an older epoch stages them again; ids make that safe. Returns whether
-- there was a gap.
CREATE FUNCTION "audit"."declare_gap"() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  before audit.audit_lane;
  new_epoch uuid := gen_random_uuid();
  affected jsonb;
begin
  -- One relay at a time; the others find the new epoch when they get the lock.
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
    -- What a closed recorder staged is known. A living one may have staged more since its report.
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
-- Gives a table's dead rows back at once, where VACUUM cannot: while some long transaction holds an
-- old snapshot, every batch leaves dead rows behind, and finding the live ones gets slower without
-- end. It empties the table and puts its few live rows back, under a lock that it either gets at
-- once or not at all, so it never makes anybody wait. Returns whether it got the lock.
--
-- A statement that waited meanwhile may not see the rows that were put back, because its snapshot
-- is older: it finds the lane empty, or gets no number from the head and fails, and is run again.
CREATE FUNCTION "audit"."compact"("target" text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  max_rows constant integer := 2000;
  kept_rows jsonb;
begin
  if target is null or target not in ('staging', 'outbox', 'head', 'recorder') then
    raise exception 'audit.compact knows staging, outbox, head and recorder'
      using errcode = 'invalid_parameter_value';
  end if;
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
