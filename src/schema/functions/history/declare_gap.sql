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
