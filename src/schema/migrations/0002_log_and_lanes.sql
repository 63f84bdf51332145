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
ALTER TABLE "audit"."audit_import" SET (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000,
  autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 100000,
  autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 1000000,
  autovacuum_vacuum_cost_delay = 0
);
--> statement-breakpoint
-- It has no key. Without a replica identity a publication FOR ALL TABLES would forbid DELETE on it,
-- and the relay could not move anything out of it.
ALTER TABLE "audit"."audit_outbox" REPLICA IDENTITY FULL;
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
-- Random bytes and hashes do not get smaller.
ALTER TABLE "audit"."audit_tile" ALTER COLUMN "hashes" SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE "audit"."audit_salt" ALTER COLUMN "salts" SET STORAGE EXTERNAL;
--> statement-breakpoint
-- Of what is not compressed a part can be read alone.
ALTER TABLE "audit"."audit_search_block" ALTER COLUMN "members" SET STORAGE EXTERNAL;
--> statement-breakpoint
SELECT "audit"."guard_seal_table"("sealed"::regclass) FROM unnest(array[
  'audit.audit_origin', 'audit.audit_tile', 'audit.audit_salt', 'audit.audit_checkpoint',
  'audit.audit_cosignature'
]) AS "sealed";
--> statement-breakpoint
INSERT INTO "audit"."audit_head" DEFAULT VALUES;
--> statement-breakpoint
INSERT INTO "audit"."audit_history" ("history", "first_seq") SELECT "history", 1 FROM "audit"."audit_head";
--> statement-breakpoint
-- A prime number of rows for the moves in turn: two that are under way at once count on heads that
-- differ by the entries of a batch or a few, so they hardly ever fall on the same row.
INSERT INTO "audit"."audit_turn" ("turn") SELECT generate_series(-1, 4093);
--> statement-breakpoint
SELECT "audit"."ensure_partitions"(3);
--> statement-breakpoint
INSERT INTO "audit"."audit_lane" ("lane", "oldest_id")
SELECT "lane", "audit"."id_floor"(date_trunc('month', now(), 'UTC'))
FROM (VALUES ('staging'), ('outbox')) AS "lanes" ("lane");
--> statement-breakpoint
INSERT INTO "audit"."audit_sentinel" ("epoch")
SELECT "epoch" FROM "audit"."audit_lane" WHERE "lane" = 'staging';
--> statement-breakpoint
INSERT INTO "audit"."audit_retention" DEFAULT VALUES;
--> statement-breakpoint
-- An import brings the past, as far back as an id can say it.
INSERT INTO "audit"."audit_lane" ("lane", "oldest_id")
VALUES ('import', "audit"."id_floor"('1970-01-01 00:00:00+00'));
--> statement-breakpoint
INSERT INTO "audit"."audit_import_sentinel" ("epoch")
SELECT "epoch" FROM "audit"."audit_lane" WHERE "lane" = 'import';
--> statement-breakpoint
INSERT INTO "audit"."audit_schema_version" ("version", "min_reader_version") VALUES (1, 1);
