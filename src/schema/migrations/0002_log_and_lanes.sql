-- What makes a log and its lanes of the tables, as far as drizzle-kit cannot say it: storage
-- parameters, append-only triggers, partitions, and the rows that are there from the beginning.

-- Each batch updates these rows. The low fillfactor leaves room for their new versions on the same
-- page.
ALTER TABLE "audit"."audit_head" SET (
  fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0
);
--> statement-breakpoint
ALTER TABLE "audit"."audit_recorder" SET (
  fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500,
  autovacuum_vacuum_cost_delay = 0
);
--> statement-breakpoint
-- A row stays in a lane for less than a second, so the default scale factor, a fifth of the table,
-- never fits.
ALTER TABLE "audit"."audit_staging" SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000,
  autovacuum_vacuum_cost_delay = 0
);
--> statement-breakpoint
ALTER TABLE "audit"."audit_outbox" SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000,
  autovacuum_vacuum_cost_delay = 0
);
--> statement-breakpoint
-- Postgres copies a row trigger to every partition, also to one that is attached by hand.
CREATE TRIGGER "audit_log_row_append_only" BEFORE UPDATE OR DELETE ON "audit"."audit_log"
FOR EACH ROW EXECUTE FUNCTION "audit"."refuse_change"();
--> statement-breakpoint
ALTER TABLE "audit"."audit_log" ENABLE ALWAYS TRIGGER "audit_log_row_append_only";
--> statement-breakpoint
SELECT "audit"."guard_log_table"('audit.audit_log');
--> statement-breakpoint
CREATE TABLE "audit"."audit_log_default" PARTITION OF "audit"."audit_log" DEFAULT;
--> statement-breakpoint
SELECT "audit"."guard_log_table"('audit.audit_log_default');
--> statement-breakpoint
SELECT "audit"."ensure_partitions"(3);
--> statement-breakpoint
INSERT INTO "audit"."audit_head" DEFAULT VALUES;
--> statement-breakpoint
INSERT INTO "audit"."audit_history" ("history", "first_seq") SELECT "history", 1 FROM "audit"."audit_head";
--> statement-breakpoint
INSERT INTO "audit"."audit_lane" ("lane") VALUES ('staging'), ('outbox');
--> statement-breakpoint
INSERT INTO "audit"."audit_sentinel" ("epoch")
SELECT "epoch" FROM "audit"."audit_lane" WHERE "lane" = 'staging';
--> statement-breakpoint
INSERT INTO "audit"."audit_schema_version" ("version", "min_reader_version") VALUES (1, 1);
