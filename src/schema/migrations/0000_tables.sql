-- Made from src/schema/tables by "npm run schema:make".
CREATE SCHEMA IF NOT EXISTS "audit";
--> statement-breakpoint
CREATE TABLE "audit"."audit_archive" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit"."audit_archive_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"partition" text NOT NULL,
	"format" text NOT NULL,
	"rows" bigint NOT NULL,
	"first_seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	"digest" text NOT NULL,
	"compared_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"written_by" text DEFAULT session_user NOT NULL,
	"url" text,
	"sha256" text,
	"bytes" bigint,
	"locked_until" timestamp with time zone,
	"stored_at" timestamp with time zone,
	"salts_url" text
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_checkpoint" (
	"origin" smallint NOT NULL,
	"size" bigint NOT NULL,
	"previous" bigint NOT NULL,
	"root" "bytea" NOT NULL,
	"note" text NOT NULL,
	"sealed_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "audit_checkpoint_origin_size_pk" PRIMARY KEY("origin","size"),
	CONSTRAINT "audit_checkpoint_size" CHECK ("audit"."audit_checkpoint"."size" > "audit"."audit_checkpoint"."previous"),
	CONSTRAINT "audit_checkpoint_root" CHECK (octet_length("audit"."audit_checkpoint"."root") = 32),
	CONSTRAINT "audit_checkpoint_note" CHECK (octet_length("audit"."audit_checkpoint"."note") <= 65536)
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_cosignature" (
	"origin" smallint NOT NULL,
	"size" bigint NOT NULL,
	"name" text NOT NULL,
	"line" text NOT NULL,
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "audit_cosignature_origin_size_name_pk" PRIMARY KEY("origin","size","name"),
	CONSTRAINT "audit_cosignature_line" CHECK (octet_length("audit"."audit_cosignature"."line") <= 8192)
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_cursor" (
	"name" text PRIMARY KEY NOT NULL,
	"history" uuid NOT NULL,
	"seq" bigint NOT NULL,
	"id" uuid,
	"seen_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "audit_cursor_name" CHECK (char_length("audit"."audit_cursor"."name") between 1 and 128)
);
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
CREATE TABLE "audit"."audit_erasure" (
	"seq" bigint PRIMARY KEY NOT NULL,
	"id" uuid NOT NULL,
	"fields" text[] NOT NULL,
	"opening" jsonb,
	"erased_by" text DEFAULT session_user NOT NULL,
	"erased_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"scrubbed_at" timestamp with time zone,
	"copies" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "audit_erasure_fields" CHECK (cardinality("audit"."audit_erasure"."fields") > 0)
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_follow" (
	"consumer" text PRIMARY KEY NOT NULL,
	"history" uuid NOT NULL,
	"since_seq" bigint NOT NULL,
	"before_id" uuid,
	"seq" bigint NOT NULL,
	"changes" bigint DEFAULT 0 NOT NULL,
	"begun_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"moved_at" timestamp with time zone,
	CONSTRAINT "audit_follow_consumer" CHECK (char_length("audit"."audit_follow"."consumer") between 1 and 64),
	CONSTRAINT "audit_follow_seq" CHECK ("audit"."audit_follow"."since_seq" > 0 and "audit"."audit_follow"."seq" >= "audit"."audit_follow"."since_seq" - 1)
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
	"at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"is_declared" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_hold" (
	"id" uuid PRIMARY KEY NOT NULL,
	"reason" text NOT NULL,
	"event_id" text,
	"user_id" text,
	"target_id" text,
	"request_id" text,
	"from_at" timestamp with time zone,
	"to_at" timestamp with time zone,
	"placed_by" text DEFAULT session_user NOT NULL,
	"placed_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"released_at" timestamp with time zone,
	"released_by" text,
	CONSTRAINT "audit_hold_condition" CHECK (num_nonnulls("audit"."audit_hold"."event_id", "audit"."audit_hold"."user_id", "audit"."audit_hold"."target_id", "audit"."audit_hold"."request_id", "audit"."audit_hold"."from_at", "audit"."audit_hold"."to_at") > 0),
	CONSTRAINT "audit_hold_range" CHECK ("audit"."audit_hold"."from_at" < "audit"."audit_hold"."to_at"),
	CONSTRAINT "audit_hold_reason" CHECK (char_length("audit"."audit_hold"."reason") between 1 and 1000),
	CONSTRAINT "audit_hold_release" CHECK (num_nulls("audit"."audit_hold"."released_at", "audit"."audit_hold"."released_by") <> 1)
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "audit"."audit_import" (
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
	"outcome" text,
	"actor_id" uuid,
	"actor_kind" text,
	"more_targets" uuid[],
	"written_by" text DEFAULT session_user NOT NULL,
	"ours" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_import_run" (
	"name" text PRIMARY KEY NOT NULL,
	"source" text NOT NULL,
	"mapping" text NOT NULL,
	"recorder_id" uuid NOT NULL,
	"begun_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"last_key" text,
	"read" bigint DEFAULT 0 NOT NULL,
	"refused" bigint DEFAULT 0 NOT NULL,
	"logged" bigint DEFAULT 0 NOT NULL,
	"done_at" timestamp with time zone
);
--> statement-breakpoint
CREATE UNLOGGED TABLE "audit"."audit_import_sentinel" (
	"epoch" uuid PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_label" (
	"subject" text NOT NULL,
	"event" text NOT NULL,
	"name" text NOT NULL,
	"words" text GENERATED ALWAYS AS (lower(translate(' ' || "name", '-._@', '    '))) STORED NOT NULL,
	"first_seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	CONSTRAINT "audit_label_pkey" PRIMARY KEY("subject","event","name"),
	CONSTRAINT "audit_label_name" CHECK (char_length("audit"."audit_label"."name") between 1 and 200),
	CONSTRAINT "audit_label_seqs" CHECK ("audit"."audit_label"."first_seq" <= "audit"."audit_label"."last_seq")
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
	"outcome" text,
	"actor_id" uuid,
	"actor_kind" text,
	"more_targets" uuid[],
	CONSTRAINT "audit_log_action" CHECK (char_length("audit"."audit_log"."action") between 1 and 128),
	CONSTRAINT "audit_log_entity_type" CHECK (char_length("audit"."audit_log"."entity_type") between 1 and 256),
	CONSTRAINT "audit_log_request_id" CHECK (char_length("audit"."audit_log"."request_id") between 1 and 256),
	CONSTRAINT "audit_log_outcome" CHECK ("audit"."audit_log"."outcome" in ('denied', 'failed', 'attempted')),
	CONSTRAINT "audit_log_actor_kind" CHECK ("audit"."audit_log"."actor_kind" in ('api_key', 'service', 'system', 'agent')),
	CONSTRAINT "audit_log_more_targets" CHECK (cardinality("audit"."audit_log"."more_targets") between 1 and 100),
	CONSTRAINT "audit_log_metadata" CHECK (jsonb_typeof("audit"."audit_log"."metadata") = 'object'),
	CONSTRAINT "audit_log_context" CHECK (jsonb_typeof("audit"."audit_log"."context") = 'object')
) PARTITION BY RANGE ("id");
--> statement-breakpoint
CREATE TABLE "audit"."audit_origin" (
	"origin" smallint PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"first_seq" bigint NOT NULL,
	"history" uuid NOT NULL,
	"begun_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	CONSTRAINT "audit_origin_name" UNIQUE("name")
);
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
	"outcome" text,
	"actor_id" uuid,
	"actor_kind" text,
	"more_targets" uuid[],
	"written_by" text DEFAULT session_user NOT NULL,
	"ours" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_partition" (
	"name" text PRIMARY KEY NOT NULL,
	"from_id" uuid NOT NULL,
	"to_id" uuid NOT NULL,
	"min_seq" bigint,
	"max_seq" bigint,
	"rows" bigint,
	"closed_at" timestamp with time zone,
	"archived_seq" bigint,
	CONSTRAINT "audit_partition_range" CHECK ("audit"."audit_partition"."from_id" < "audit"."audit_partition"."to_id")
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_policy" (
	"number" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit"."audit_policy_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"actions" text NOT NULL,
	"keep" interval,
	"removed" boolean DEFAULT false NOT NULL,
	"set_at" timestamp with time zone NOT NULL,
	"set_by" text DEFAULT session_user NOT NULL,
	"effective_at" timestamp with time zone NOT NULL,
	"entry" uuid NOT NULL,
	CONSTRAINT "audit_policy_removed" CHECK (not "audit"."audit_policy"."removed" or "audit"."audit_policy"."keep" is null)
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_recorder" (
	"id" uuid PRIMARY KEY NOT NULL,
	"logged" bigint DEFAULT 0 NOT NULL,
	"logged_through" bigint DEFAULT 0 NOT NULL,
	"gaps" smallint DEFAULT 0 NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_removed" (
	"partition" text NOT NULL,
	"first_seq" bigint PRIMARY KEY NOT NULL,
	"last_seq" bigint NOT NULL,
	"removed_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"by_entry" uuid NOT NULL,
	CONSTRAINT "audit_removed_run" CHECK ("audit"."audit_removed"."first_seq" <= "audit"."audit_removed"."last_seq")
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
CREATE TABLE "audit"."audit_retention" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"grace" interval DEFAULT '7 days' NOT NULL,
	"undo" interval DEFAULT '7 days' NOT NULL,
	"line_id" uuid,
	"last_run_at" timestamp with time zone,
	"last_run" jsonb,
	CONSTRAINT "audit_retention_only" CHECK ("audit"."audit_retention"."only"),
	CONSTRAINT "audit_retention_waits" CHECK ("audit"."audit_retention"."grace" >= '0' and "audit"."audit_retention"."undo" >= '0')
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_salt" (
	"n" bigint PRIMARY KEY NOT NULL,
	"salts" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_schema_version" (
	"only" boolean PRIMARY KEY DEFAULT true NOT NULL,
	"version" smallint NOT NULL,
	"min_reader_version" smallint NOT NULL,
	"ids" text DEFAULT 'uuid' NOT NULL,
	"roles" text DEFAULT 'on' NOT NULL,
	"role_prefix" text DEFAULT '' NOT NULL,
	CONSTRAINT "audit_schema_version_only" CHECK ("audit"."audit_schema_version"."only")
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_search_block" (
	"block" bigint PRIMARY KEY NOT NULL,
	"times" "bytea" NOT NULL,
	"members" "bytea" NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_search_run" (
	"first_block" bigint PRIMARY KEY NOT NULL,
	"blocks" smallint NOT NULL,
	"log2" smallint,
	"min_ms" bigint NOT NULL,
	"max_ms" bigint NOT NULL,
	CONSTRAINT "audit_search_run_blocks" CHECK ("audit"."audit_search_run"."blocks" between 1 and 16)
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_search_slice" (
	"first_block" bigint NOT NULL,
	"part" integer NOT NULL,
	"slices" "bytea" NOT NULL,
	CONSTRAINT "audit_search_slice_first_block_part_pk" PRIMARY KEY("first_block","part")
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
	"outcome" text,
	"actor_id" uuid,
	"actor_kind" text,
	"more_targets" uuid[],
	"written_by" text DEFAULT session_user NOT NULL,
	"ours" boolean DEFAULT false NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_swap" (
	"swap" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "audit"."audit_swap_swap_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"partition" text NOT NULL,
	"from_id" uuid NOT NULL,
	"to_id" uuid NOT NULL,
	"state" text DEFAULT 'built' NOT NULL,
	"basis" text NOT NULL,
	"due" text NOT NULL,
	"holds" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"rows" bigint NOT NULL,
	"max_seq" bigint NOT NULL,
	"removed" bigint NOT NULL,
	"kept" bigint NOT NULL,
	"held" bigint NOT NULL,
	"first_seq" bigint NOT NULL,
	"last_seq" bigint NOT NULL,
	"runs" text NOT NULL,
	"built_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"swapped_at" timestamp with time zone,
	"ended_at" timestamp with time zone,
	"detached" text,
	"entry_id" uuid,
	"archive" jsonb,
	"oldest_before" uuid,
	CONSTRAINT "audit_swap_state" CHECK ("audit"."audit_swap"."state" in ('built', 'swapped', 'dropped', 'undone'))
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_tile" (
	"origin" smallint NOT NULL,
	"level" smallint NOT NULL,
	"n" bigint NOT NULL,
	"hashes" "bytea" NOT NULL,
	CONSTRAINT "audit_tile_origin_level_n_pk" PRIMARY KEY("origin","level","n")
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_token" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"hash" "bytea" NOT NULL,
	"scope" jsonb NOT NULL,
	"per_minute" integer NOT NULL,
	"made_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"made_by" text DEFAULT session_user NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"revoked_by" text,
	"used_at" timestamp with time zone,
	CONSTRAINT "audit_token_hash_length" CHECK (octet_length("audit"."audit_token"."hash") = 32),
	CONSTRAINT "audit_token_name" CHECK (char_length("audit"."audit_token"."name") between 1 and 128),
	CONSTRAINT "audit_token_scope" CHECK (jsonb_typeof("audit"."audit_token"."scope") = 'object'),
	CONSTRAINT "audit_token_rate" CHECK ("audit"."audit_token"."per_minute" between 1 and 6000),
	CONSTRAINT "audit_token_revoked" CHECK (num_nulls("audit"."audit_token"."revoked_at", "audit"."audit_token"."revoked_by") <> 1)
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_turn" (
	"turn" integer PRIMARY KEY NOT NULL
);
--> statement-breakpoint
CREATE TABLE "audit"."audit_view" (
	"id" uuid PRIMARY KEY NOT NULL,
	"event" text NOT NULL,
	"name" text NOT NULL,
	"asked" jsonb NOT NULL,
	"seen_by" text NOT NULL,
	"user_id" text,
	"made_by" text,
	"made_at" timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
	"entry" uuid NOT NULL,
	CONSTRAINT "audit_view_name_text" CHECK (char_length("audit"."audit_view"."name") between 1 and 60 and "audit"."audit_view"."name" !~ '[\u0001-\u001f\u007f-\u009f]'),
	CONSTRAINT "audit_view_asked" CHECK (jsonb_typeof("audit"."audit_view"."asked") = 'object' and octet_length("audit"."audit_view"."asked"::text) <= 8192),
	CONSTRAINT "audit_view_seen_by" CHECK ("audit"."audit_view"."seen_by" = '' or "audit"."audit_view"."seen_by" ~ '^[0-9a-f]{64}$')
);
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_archive_content" ON "audit"."audit_archive" USING btree ("partition","digest","format");
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_checkpoint_previous" ON "audit"."audit_checkpoint" USING btree ("origin","previous");
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_dead_letter_entry" ON "audit"."audit_dead_letter" USING btree ("recorder_id","recorder_seq",hashtextextended("entry", 0)) WHERE "audit"."audit_dead_letter"."recorder_id" is not null;
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_erasure_id" ON "audit"."audit_erasure" USING btree ("id");
--> statement-breakpoint
CREATE INDEX "audit_erasure_unscrubbed" ON "audit"."audit_erasure" USING btree ("seq") WHERE "audit"."audit_erasure"."scrubbed_at" is null;
--> statement-breakpoint
CREATE INDEX "audit_label_event" ON "audit"."audit_label" USING btree ("event");
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
--> statement-breakpoint
CREATE INDEX "audit_log_outcome" ON "audit"."audit_log" USING btree ("outcome","id") WHERE "audit"."audit_log"."outcome" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_actor" ON "audit"."audit_log" USING btree ("actor_id","id") WHERE "audit"."audit_log"."actor_id" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_kind" ON "audit"."audit_log" USING btree ("actor_kind","id") WHERE "audit"."audit_log"."actor_kind" is not null;
--> statement-breakpoint
CREATE INDEX "audit_log_more_targets" ON "audit"."audit_log" USING gin ("more_targets") WHERE "audit"."audit_log"."more_targets" is not null;
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_partition_from" ON "audit"."audit_partition" USING btree ("from_id");
--> statement-breakpoint
CREATE INDEX "audit_policy_actions" ON "audit"."audit_policy" USING btree ("actions","number");
--> statement-breakpoint
CREATE INDEX "audit_swap_partition" ON "audit"."audit_swap" USING btree ("partition");
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_token_hash" ON "audit"."audit_token" USING btree ("hash");
--> statement-breakpoint
CREATE UNIQUE INDEX "audit_view_name" ON "audit"."audit_view" USING btree ("event","name");
