-- The log only ever grows: UPDATE, DELETE and TRUNCATE are refused to everyone, whatever they were
-- granted, by triggers that also fire under session_replication_role = replica (ENABLE ALWAYS).
CREATE FUNCTION "audit"."refuse_change"() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  raise exception '% on %.% refused: the audit log is append-only',
    tg_op, tg_table_schema, tg_table_name
    using errcode = 'insufficient_privilege',
          hint = 'Record a new entry that says what was wrong with the old one.';
end
$$;
--> statement-breakpoint
-- A row trigger is cloned to every partition, also to one that somebody attaches by hand. It does
-- not fire for TRUNCATE, nor where no row matches: guard_log_table below sees to both.
CREATE TRIGGER "audit_log_row_append_only" BEFORE UPDATE OR DELETE ON "audit"."audit_log"
FOR EACH ROW EXECUTE FUNCTION "audit"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "audit"."audit_log" ENABLE ALWAYS TRIGGER "audit_log_row_append_only";
--> statement-breakpoint
-- Statement triggers are not cloned, so the parent and every partition get their own.
CREATE FUNCTION "audit"."guard_log_table"("log_table" regclass) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
begin
  execute format(
    'create trigger audit_log_append_only before update or delete or truncate on %s '
    'for each statement execute function audit.refuse_change()', log_table);
  execute format('alter table %s enable always trigger audit_log_append_only', log_table);
  -- Not every supported server copies ENABLE ALWAYS to the clone of the row trigger.
  execute format('alter table %s enable always trigger audit_log_row_append_only', log_table);
end
$$;
--> statement-breakpoint
SELECT "audit"."guard_log_table"('audit.audit_log');
