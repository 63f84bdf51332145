-- Made from src/schema/tables.ts by "npm run schema:make".
CREATE SCHEMA IF NOT EXISTS "audit";
--> statement-breakpoint
CREATE TABLE "audit"."audit_dead_letter" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit"."audit_dead_letter_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"died_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"lane" text,
	"origin" text,
	"written_by" text DEFAULT session_user,
	"ours" boolean DEFAULT false NOT NULL,
	"sqlstate" text,
	"reason" text,
	"id" text,
	"recorder_id" uuid,
	"recorder_seq" bigint,
	"entry" text
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_head" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"seq" bigint DEFAULT 0 NOT NULL,
	"history" uuid DEFAULT gen_random_uuid() NOT NULL,
	"system_identifier" bigint,
	"timeline" integer,
	CONSTRAINT "audit_head_only" CHECK ("audit"."audit_head"."only")
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_history" (
	"history" uuid PRIMARY KEY NOT NULL,
	"first_seq" bigint NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_lane" (
	"lane" text PRIMARY KEY NOT NULL,
	"epoch" uuid DEFAULT gen_random_uuid() NOT NULL,
	"epoch_since" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"resets" smallint DEFAULT 0 NOT NULL,
	"oldest_id" uuid NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_log" (
	"id" uuid PRIMARY KEY NOT NULL,
	"seq" bigint NOT NULL,
	"occurred_at" timestamp with time zone NOT NULL,
	"logged_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"written_by" text DEFAULT session_user NOT NULL,
	"user_id" uuid,
	"event_id" uuid,
	"target_id" uuid,
	"recorder_id" uuid,
	"recorder_seq" bigint,
	"action" text NOT NULL,
	"entity_type" text,
	"request_id" text,
	"metadata" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"context" jsonb DEFAULT '{}'::jsonb NOT NULL,
	CONSTRAINT "audit_log_action" CHECK (char_length("audit"."audit_log"."action") between 1 and 128),
	CONSTRAINT "audit_log_entity_type" CHECK (char_length("audit"."audit_log"."entity_type") between 1 and 256),
	CONSTRAINT "audit_log_request_id" CHECK (char_length("audit"."audit_log"."request_id") between 1 and 256),
	CONSTRAINT "audit_log_metadata" CHECK (jsonb_typeof("audit"."audit_log"."metadata") = 'object'),
	CONSTRAINT "audit_log_context" CHECK (jsonb_typeof("audit"."audit_log"."context") = 'object')
) PARTITION BY RANGE ("id");
--> statement-breakpoint
CREATE TABLE "audit"."audit_outbox" (
	"id" uuid NOT NULL,
	"occurred_at" timestamp with time zone NOT NULL,
	"user_id" uuid,
	"event_id" uuid,
	"target_id" uuid,
	"recorder_id" uuid,
	"recorder_seq" bigint,
	"action" text,
	"entity_type" text,
	"request_id" text,
	"metadata" jsonb,
	"context" jsonb,
	"written_by" text DEFAULT session_user NOT NULL,
	"ours" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_recorder" (
	"id" uuid PRIMARY KEY NOT NULL,
	"logged" bigint DEFAULT 0 NOT NULL,
	"logged_through" bigint DEFAULT 0 NOT NULL,
	"gaps" smallint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_report" (
	"id" uuid PRIMARY KEY NOT NULL,
	"started_at" timestamp with time zone,
	"seen_at" timestamp with time zone,
	"closed_at" timestamp with time zone,
	"accepted" bigint DEFAULT 0 NOT NULL,
	"staged" bigint DEFAULT 0 NOT NULL,
	"dropped" jsonb DEFAULT '{}'::jsonb NOT NULL,
	"key_hash" text,
	CONSTRAINT "audit_report_dropped" CHECK (jsonb_typeof("audit"."audit_report"."dropped") = 'object')
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_schema_version" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"version" smallint NOT NULL,
	"min_reader_version" smallint NOT NULL,
	CONSTRAINT "audit_schema_version_only" CHECK ("audit"."audit_schema_version"."only")
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "audit"."audit_sentinel" (
	"epoch" uuid PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "audit"."audit_staging" (
	"id" uuid NOT NULL,
	"occurred_at" timestamp with time zone NOT NULL,
	"user_id" uuid,
	"event_id" uuid,
	"target_id" uuid,
	"recorder_id" uuid,
	"recorder_seq" bigint,
	"action" text,
	"entity_type" text,
	"request_id" text,
	"metadata" jsonb,
	"context" jsonb,
	"written_by" text DEFAULT session_user NOT NULL,
	"ours" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_turn" (
	"turn" integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_dead_letter_entry" ON "audit"."audit_dead_letter" USING btree ("recorder_id","recorder_seq",hashtextextended("entry", 0)) WHERE "audit"."audit_dead_letter"."recorder_id" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_seq" ON "audit"."audit_log" USING btree ("seq");
--> statement-breakpoint
CREATE INDEX "audit_log_event" ON "audit"."audit_log" USING btree ("event_id","id") WHERE "audit"."audit_log"."event_id" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_user" ON "audit"."audit_log" USING btree ("user_id","id") WHERE "audit"."audit_log"."user_id" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_target" ON "audit"."audit_log" USING btree ("target_id","id") WHERE "audit"."audit_log"."target_id" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_request" ON "audit"."audit_log" USING btree ("request_id","id") WHERE "audit"."audit_log"."request_id" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_action" ON "audit"."audit_log" USING btree ("action","id");
--> statement-breakpoint
CREATE INDEX "audit_log_entity" ON "audit"."audit_log" USING btree (split_part("action", '.', 1),"id");
