-- Refuses UPDATE, DELETE and TRUNCATE on the log for every role, even one that was granted them. The
-- triggers that call it are ENABLE ALWAYS, so they also fire under session_replication_role =
-- replica.
CREATE OR REPLACE FUNCTION "audit"."refuse_change"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  raise exception '% on %.% refused: the audit log is append-only',
    tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege',
          hint = 'Record a new entry that says what was wrong with the old one.';
end
$$;
