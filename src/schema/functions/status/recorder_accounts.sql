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
