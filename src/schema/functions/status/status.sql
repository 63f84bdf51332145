-- The figures of "audit-relay status": what waits in the lanes, the last seq, and how many dead
-- letters, declared gaps and legal holds in force there are.
CREATE OR REPLACE FUNCTION "audit"."status"(
  OUT "staging_depth" double precision, OUT "staging_is_estimate" boolean,
  OUT "staging_age_ms" double precision,
  OUT "outbox_depth" double precision, OUT "outbox_is_estimate" boolean,
  OUT "outbox_age_ms" double precision,
  OUT "import_depth" double precision, OUT "import_is_estimate" boolean,
  OUT "last_seq" bigint, OUT "dead_letters" bigint, OUT "gaps" bigint,
  OUT "holds" bigint
)
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    staging.depth, staging.is_estimate, staging.age_ms,
    outbox.depth, outbox.is_estimate, outbox.age_ms,
    import.depth, import.is_estimate,
    (select h.seq from audit.audit_head as h),
    (select count(*) from audit.audit_dead_letter),
    (select sum(l.resets) from audit.audit_lane as l where l.lane <> 'import'),
    (select count(*) from audit.audit_hold as h where h.released_at is null)
  from audit.lane_look('staging') as staging, audit.lane_look('outbox') as outbox,
    audit.lane_look('import') as import
$$;
