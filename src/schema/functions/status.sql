-- The figures of "audit-relay status": what waits in the lanes, the last seq, and how many dead
-- letters and declared gaps there are. These are counted exactly.
CREATE OR REPLACE FUNCTION "audit"."status"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "last_seq" bigint, OUT "dead_letters" bigint, OUT "gaps" bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    (select h.seq from audit.audit_head as h),
    (select count(*) from audit.audit_dead_letter),
    (
      select count(*) from audit.audit_log as l
      where split_part(l.action, '.', 1) = 'audit' and l.action = 'audit.gap'
    )
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox
$$;
