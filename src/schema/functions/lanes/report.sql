-- Stores a recorder's own counts. A recorder calls it about every ten seconds and when it closes,
-- with the key that only it knows. Counts only grow, so a report that arrives late changes nothing.
-- It raises for anything that is no report: an unknown reason, or a count that is no whole number
-- from 0 to audit.bound('count'). What was dropped since the last report is an entry "audit.drop" in
-- the log, in the same transaction.
CREATE OR REPLACE FUNCTION "audit"."report"(
  "recorder" uuid, "key" text, "started_at" timestamptz, "accepted" bigint, "staged" bigint,
  "dropped" jsonb, "closed" boolean
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
declare
  reasons constant text[] := array[
    'full', 'unshapable', 'reserved', 'closed', 'reentrant', 'disabled', 'timeout', 'refused'
  ];
  before jsonb;
  more jsonb;
begin
  if accepted is null or accepted not between 0 and audit.bound('count')
    or staged is null or staged not between 0 and audit.bound('count')
    or closed is null
    or started_at is null or started_at < '0001-01-01 00:00:00+00'
    or started_at >= '10000-01-01 00:00:00+00'
    or jsonb_typeof(dropped) is distinct from 'object'
    or pg_column_size(dropped) > 1024
  then
    raise exception 'audit.report was given something that is no report'
      using errcode = 'invalid_parameter_value';
  end if;
  if exists (
    select from jsonb_each(dropped) as d
    where not d.key = any (reasons) or case
      when jsonb_typeof(d.value) <> 'number' then true
      else d.value::numeric not between 0 and audit.bound('count')
        or d.value::numeric <> trunc(d.value::numeric)
    end
  ) then
    raise exception 'audit.report was given an unknown reason, or a count that is no count'
      using errcode = 'invalid_parameter_value';
  end if;
  perform audit.claim_recorder(recorder, key);
  select r.dropped into before from audit.audit_report as r where r.id = recorder for update;
  select coalesce(jsonb_object_agg(d.key, d.value::bigint - coalesce((before ->> d.key)::bigint, 0)), '{}')
  into more
  from jsonb_each(dropped) as d
  where d.value::bigint > coalesce((before ->> d.key)::bigint, 0);
  update audit.audit_report as r set
    started_at = report.started_at,
    seen_at = clock_timestamp(),
    closed_at = coalesce(r.closed_at, case when closed then clock_timestamp() end),
    accepted = greatest(r.accepted, report.accepted),
    staged = greatest(r.staged, report.staged),
    dropped = r.dropped || (
      select coalesce(jsonb_object_agg(d.key, d.value), '{}')
      from jsonb_each(report.dropped) as d where more ? d.key
    )
  where r.id = recorder;
  if more <> '{}' then
    perform audit.put_ours('audit.drop', null, jsonb_build_object('recorderId', recorder, 'dropped', more), '{}');
  end if;
end
$$;
