-- What a scrape and a health check ask: what waits in the lanes, the last seq, how many dead letters
-- there are (counted up to 10,000), how many gaps were declared, and what the recorders reported as
-- dropped, by reason, how many legal holds are in force, for how long the oldest partition has waited
-- to be archived, and what the last run of retention found. The cost is bounded, however long the lanes are. A reported value that is no count is
-- left out.
CREATE OR REPLACE FUNCTION "audit"."backlog"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "import_depth" double precision, OUT "import_is_estimate" boolean,
  OUT "last_seq" bigint, OUT "dead_letters" integer, OUT "gaps" integer, OUT "dropped" json,
  OUT "holds" integer, OUT "archive_lag_ms" double precision, OUT "retention" json
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    import.depth, import.is_estimate,
    (select h.seq from audit.audit_head as h),
    (select count(*) from (select from audit.audit_dead_letter limit 10000) as d)::integer,
    (select sum(l.resets) from audit.audit_lane as l where l.lane <> 'import')::integer,
    (
      select coalesce(json_object_agg(by_reason.reason, by_reason.total), '{}')
      from (
        select d.reason, sum(
          case when jsonb_typeof(d.count) = 'number'
            then least(greatest((d.count #>> '{}')::numeric, 0), 9e15)::float8
          end
        ) as total
        from audit.audit_report as r
        cross join lateral jsonb_each(
          case when jsonb_typeof(r.dropped) = 'object' then r.dropped else '{}' end
        ) as d (reason, count)
        where r.dropped <> '{}'
        group by d.reason
      ) as by_reason
      where by_reason.total is not null
    ),
    (select count(*) from audit.audit_hold as h where h.released_at is null)::integer,
    -- Null: nothing was ever archived, so nobody waits for it.
    case when exists (select from audit.audit_archive as a where a.stored_at is not null) then (
      select coalesce(extract(epoch from clock_timestamp() - min(d.ended_at)) * 1000, 0)
      from audit.archive_due() as d
    )::double precision end,
    (
      select json_build_object('atMs', extract(epoch from r.last_run_at) * 1000, 'found', r.last_run)
      from audit.audit_retention as r where r.last_run_at is not null
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox,
    audit.lane_look('import') as import
$$;
