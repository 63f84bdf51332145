-- What a relay asks in each cycle: how many rows each lane holds (at most max_rows of each are
-- counted), whether the lane of an import holds any, where the head of the log stands (null where the
-- log has lost its head), whether a crash emptied the fast lane and no relay has declared it yet,
-- whether nothing can be written, and the version of the schema. It writes nothing and takes no
-- transaction id.
CREATE OR REPLACE FUNCTION "audit"."peek"(
  "max_rows" integer, OUT "staging" integer, OUT "outbox" integer, OUT "import" boolean, OUT "head" bigint,
  OUT "was_emptied" boolean, OUT "is_read_only" boolean,
  OUT "version" integer, OUT "min_reader_version" integer
) RETURNS SETOF record
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  select
    (select count(*) from (select from audit.audit_staging limit max_rows) as l)::integer,
    (select count(*) from (select from audit.audit_outbox limit max_rows) as l)::integer,
    exists (select from audit.audit_import),
    (select h.seq from audit.audit_head as h),
    (select s.epoch from audit.audit_sentinel as s) is distinct from
      (select l.epoch from audit.audit_lane as l where l.lane = 'staging'),
    current_setting('transaction_read_only') = 'on',
    v.version::integer,
    v.min_reader_version::integer
  from audit.audit_schema_version as v
$$;
