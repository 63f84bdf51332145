-- Roles belong to the whole server, so the migration of another database may have made them.
DO $$
declare
  role_name text;
begin
  foreach role_name in array array['audit_owner', 'audit_app', 'audit_relay', 'audit_reader', 'audit_keeper', 'audit_eraser'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      begin
        execute format('create role %I nologin', role_name);
      exception when duplicate_object or unique_violation then
        null; -- the migration of another database has made it meanwhile
      end;
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- Takes every privilege from everybody but the owner, also those that ALTER DEFAULT PRIVILEGES gave
-- and the EXECUTE on functions that Postgres gives to PUBLIC. After that only the grants below hold.
DO $$
declare
  granted record;
  revoked text;
begin
  for granted in
    select 'schema' as kind, nspname::text as name, nspowner as owner, nspacl as acl
    from pg_namespace where nspname = 'audit'
    union all
    select case relkind when 'S' then 'sequence' else 'table' end, oid::regclass::text, relowner, relacl
    from pg_class where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p', 'S')
      and relname <> 'audit_migration_lock' -- the migrator's own session holds it
    union all
    select 'function', oid::regprocedure::text, proowner, coalesce(proacl, acldefault('f', proowner))
    from pg_proc where pronamespace = 'audit'::regnamespace
  loop
    select string_agg(distinct case grantee when 0 then 'public' else grantee::regrole::text end, ', ')
    into revoked
    from aclexplode(granted.acl) where grantee <> granted.owner;
    if revoked is not null then
      execute format('revoke all on %s %s from %s', granted.kind, granted.name, revoked);
    end if;
  end loop;
end
$$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA "audit" TO "audit_app", "audit_relay", "audit_reader", "audit_keeper", "audit_eraser";
--> statement-breakpoint
-- The application writes by functions alone. It reads no entry.
GRANT EXECUTE ON FUNCTION
  "audit"."stage"(uuid, text, text[], text[]),
  "audit"."record"(text, boolean),
  "audit"."record_in"(text, boolean),
  "audit"."report"(uuid, text, timestamptz, bigint, bigint, jsonb, boolean),
  "audit"."lane_state"(uuid),
  "audit"."database_identity"()
TO "audit_app";
--> statement-breakpoint
-- The relay does all its work by functions and has no privilege on a table of entries.
GRANT EXECUTE ON FUNCTION
  "audit"."peek"(integer),
  "audit"."move"(text, integer, integer, text, text, bigint, bigint),
  "audit"."who_moves"(),
  "audit"."list_places"(text, integer),
  "audit"."park"(text, text, uuid, text),
  "audit"."declare_gap"(),
  "audit"."weigh"(),
  "audit"."identify"(uuid, bigint, uuid),
  "audit"."compact"(text),
  "audit"."ensure_partitions"(integer, text, integer),
  "audit"."close_partition"(),
  "audit"."who_holds_log"(),
  "audit"."backlog"(),
  "audit"."status"(),
  "audit"."log_bytes"(),
  "audit"."recorder_accounts"(),
  "audit"."list_letters"(integer),
  "audit"."open_letter"(bigint),
  "audit"."letter_numbers"(bigint, integer),
  "audit"."retry_dead_letter"(bigint),
  "audit"."drop_dead_letter"(bigint)
TO "audit_relay";
--> statement-breakpoint
-- "audit-relay recover" stages what an ended process left on disk, in the name of its recorder, whose
-- key it shows.
GRANT EXECUTE ON FUNCTION
  "audit"."stage"(uuid, text, text[], text[]),
  "audit"."report"(uuid, text, timestamptz, bigint, bigint, jsonb, boolean),
  "audit"."database_identity"()
TO "audit_relay";
--> statement-breakpoint
-- "audit-relay import" brings an old log in by functions alone.
GRANT EXECUTE ON FUNCTION
  "audit"."read_import"(text),
  "audit"."begin_import"(text, text, text),
  "audit"."stage_import"(text, text[], text[]),
  "audit"."settle_import"(text, uuid, text, bigint, bigint),
  "audit"."end_import"(text)
TO "audit_keeper";
--> statement-breakpoint
-- A reader reads the log and no other table of entries.
GRANT SELECT ON "audit"."audit_log", "audit"."audit_history", "audit"."audit_partition" TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."id_floor"(timestamptz) TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."last_seq"() TO "audit_reader", "audit_relay";
--> statement-breakpoint
-- What a reader's viewer is not to see is left out by the reader's own statement.
GRANT EXECUTE ON FUNCTION
  "audit"."without_changes"(jsonb, text[]),
  "audit"."without_named"(jsonb, text[], text[], text[], boolean, boolean, boolean),
  "audit"."side_pattern"(),
  "audit"."name_step"(text[], text[], text[]),
  "audit"."names_any"(jsonb, text[]),
  "audit"."tells_change"(jsonb)
TO "audit_reader";
--> statement-breakpoint
-- A reader sees which numbers a policy removed. One with a name says how far it has read.
GRANT SELECT ON "audit"."audit_removed" TO "audit_reader";
--> statement-breakpoint
-- The accounts of recorders show a reader whether all entries are there that were logged.
GRANT EXECUTE ON FUNCTION "audit"."logged_counts"(uuid, integer), "audit"."logged_total"()
TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  "audit"."note_cursor"(text, uuid, bigint, uuid),
  "audit"."removed_before"()
TO "audit_reader";
--> statement-breakpoint
-- The keeper removes what a policy lets go, by functions that check everything themselves.
GRANT EXECUTE ON FUNCTION
  "audit"."retention_candidates"(),
  "audit"."cursor_names"(),
  "audit"."plan_retention"(text, text[]),
  "audit"."note_retention"(jsonb),
  "audit"."build_kept"(text),
  "audit"."swap_kept"(text, bigint, jsonb, text[], integer),
  "audit"."retention_waits"(),
  "audit"."note_default_range"(text, integer),
  "audit"."prove_default_range"(),
  "audit"."merge_kept"(text[], integer),
  "audit"."drop_removed"(text, integer),
  "audit"."undo_retention"(text, integer),
  "audit"."retention_state"(),
  "audit"."who_blocks_retention"()
TO "audit_keeper";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."retention_state"() TO "audit_relay";
--> statement-breakpoint
-- Reading is written down by who reads. An application that only records cannot forge it.
GRANT EXECUTE ON FUNCTION "audit"."note_read"(boolean, text, jsonb, jsonb)
TO "audit_reader", "audit_relay";
--> statement-breakpoint
-- The keeper says what is kept and what is held, by functions alone.
GRANT EXECUTE ON FUNCTION
  "audit"."set_policy"(text, interval),
  "audit"."remove_policy"(text),
  "audit"."policies_in_force"(timestamptz),
  "audit"."place_hold"(text, text, text, text, text, timestamptz, timestamptz),
  "audit"."release_hold"(uuid),
  "audit"."holds_in_force"(),
  "audit"."ensure_partitions_between"(timestamptz, timestamptz, integer)
TO "audit_keeper";
--> statement-breakpoint
-- The keeper makes tokens for programs that read the log, and readers can have one checked.
GRANT EXECUTE ON FUNCTION
  "audit"."make_token"(text, bytea, jsonb, integer, timestamptz),
  "audit"."list_tokens"(boolean),
  "audit"."revoke_token"(uuid)
TO "audit_keeper";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."use_token"(bytea) TO "audit_reader";
--> statement-breakpoint
-- Views that the page's viewers share, by functions that leave an entry about each change.
GRANT EXECUTE ON FUNCTION
  "audit"."list_views"(text),
  "audit"."save_view"(text, text, jsonb, text, text, text, jsonb),
  "audit"."remove_view"(text, uuid, text, text, jsonb)
TO "audit_reader";
--> statement-breakpoint
-- Readers see it, too: what is gone by a policy is missing in what they read.
GRANT EXECUTE ON FUNCTION "audit"."list_policies"(), "audit"."list_holds"(boolean)
TO "audit_keeper", "audit_reader";
--> statement-breakpoint
GRANT SELECT ON "audit"."audit_schema_version" TO "audit_relay", "audit_reader";
--> statement-breakpoint
-- The keeper archives by functions. They let it read the log's partitions and nothing else.
GRANT EXECUTE ON FUNCTION
  "audit"."archive_due"(),
  "audit"."archive_scope"(text),
  "audit"."archive_rows"(text, text, bigint, uuid, integer),
  "audit"."archive_digest"(text, text, bigint, bigint),
  "audit"."note_archive"(text, text, bigint, bigint, text, text),
  "audit"."store_archive"(bigint, text, text, bigint, timestamptz, text),
  "audit"."archive_salts"(text, text, bigint, bigint, bigint, integer),
  "audit"."restore_salts"(text, json),
  "audit"."list_archives"(text),
  "audit"."begin_restore"(text),
  "audit"."restore_rows"(text, json),
  "audit"."join_restored"(text, text),
  "audit"."drop_restored"(text),
  "audit"."removed_entries"(text),
  "audit"."attach_restored"(text, integer)
TO "audit_keeper";
--> statement-breakpoint
-- A reader verifies the seal. The salts are worth no more to it than the entries that it reads.
GRANT SELECT ON
  "audit"."audit_origin", "audit"."audit_tile", "audit"."audit_salt", "audit"."audit_checkpoint",
  "audit"."audit_cosignature"
TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  "audit"."leaf_text"(audit.audit_log, bytea),
  "audit"."leaf_of"(audit.audit_log, bytea, bytea),
  "audit"."leaf_time"(timestamptz),
  "audit"."commitment"(bytea, integer, text, text),
  "audit"."sealed_through"()
TO "audit_reader";
--> statement-breakpoint
-- The relay seals by functions alone. They let nobody change what is sealed.
GRANT EXECUTE ON FUNCTION
  "audit"."seal_state"(integer),
  "audit"."begin_seal"(smallint, text),
  "audit"."seal_leaves"(bigint, bigint),
  "audit"."read_tile"(smallint, smallint, bigint),
  "audit"."put_seal"(smallint, bigint, bigint, bytea, text, json),
  "audit"."put_cosignature"(smallint, bigint, text, text),
  "audit"."rotate_key"(text, text, text),
  "audit"."note_verify"(jsonb)
TO "audit_relay";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."seal_figures"(), "audit"."newest_checkpoint"()
TO "audit_relay", "audit_reader";
--> statement-breakpoint
-- The relay reads the log behind the move by functions, and only what a consumer that is on may take.
GRANT EXECUTE ON FUNCTION
  "audit"."follow_entries"(text, bigint, bigint),
  "audit"."take_follow"(text, uuid, bigint, bigint, bigint),
  "audit"."rewind_follow"(text, uuid, bigint)
TO "audit_relay";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."follow_state"() TO "audit_relay", "audit_reader", "audit_keeper";
--> statement-breakpoint
-- The search: the relay makes it, the keeper turns it on and off, and a reader reads it. It holds nothing that
-- a reader does not read in the log.
GRANT EXECUTE ON FUNCTION
  "audit"."put_search"(bigint, smallint, smallint, bytea, integer, bytea, bytea, bigint, bigint, bigint),
  "audit"."search_work"(),
  "audit"."search_slices"(bigint),
  "audit"."drop_search"(bigint)
TO "audit_relay";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."search_on"(bigint, timestamptz), "audit"."search_off"() TO "audit_keeper";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."search_state"() TO "audit_relay", "audit_reader", "audit_keeper";
--> statement-breakpoint
GRANT SELECT ON
  "audit"."audit_search_run", "audit"."audit_search_block", "audit"."audit_search_slice"
TO "audit_reader";
--> statement-breakpoint
-- The eraser empties fields of entries, by functions that check everything themselves. They tell it which
-- entries name a user, and never what an entry says.
GRANT EXECUTE ON FUNCTION
  "audit"."list_log_places"(),
  "audit"."find_of_user"(text, text, uuid, integer),
  "audit"."find_naming"(text, text, uuid, integer),
  "audit"."find_entries"(bigint[]),
  "audit"."erasure_elsewhere"(text, bigint, bigint),
  "audit"."erase"(bigint[], text[], text),
  "audit"."list_erasures"(bigint, integer),
  "audit"."who_blocks_retention"(),
  "audit"."scrub_places"(),
  "audit"."who_sees_erased"(text),
  "audit"."scrub"(text, text, integer),
  "audit"."end_scrub"(timestamptz)
TO "audit_eraser";
--> statement-breakpoint
-- The names that users and actors had. The relay collects them by functions that read them from the log, a
-- reader looks them up, and the eraser erases those of a user.
GRANT SELECT ON "audit"."audit_label" TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  "audit"."take_labels"(bigint, bigint),
  "audit"."tidy_labels"(integer),
  "audit"."rewind_labels"(bigint)
TO "audit_relay";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."names_on"(), "audit"."names_off"(), "audit"."label_counts"()
TO "audit_keeper";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."erase_labels"(text), "audit"."erase_views"(text) TO "audit_eraser";
--> statement-breakpoint
-- Readers see which fields of an entry were erased.
GRANT SELECT ON "audit"."audit_erasure" TO "audit_reader";
--> statement-breakpoint
-- A login that is not a superuser must be able to act as audit_owner to give it the objects, and it
-- must inherit from it to migrate again later. The login grants itself the role where Postgres allows
-- it: up to version 15 to any login with CREATEROLE, from 16 on only to the login that made the role.
DO $$
declare
  knows_set boolean := current_setting('server_version_num')::integer >= 160000;
  needed text[] := case when knows_set then '{usage,set}' else '{usage}' end;
  wanted text := format('grant audit_owner to %I', current_user)
    || case when knows_set then ' with inherit true, set true' else '' end;
begin
  for attempt in 1 .. 2 loop
    if (select bool_and(pg_has_role('audit_owner', kind)) from unnest(needed) as kind) then
      return;
    end if;
    begin
      execute wanted;
    exception when insufficient_privilege or unique_violation then
      null; -- this login may not grant it, or another database's migration has granted it meanwhile
    end;
  end loop;
  if not knows_set and pg_has_role('audit_owner', 'member') then
    wanted := format('alter role %I inherit', current_user);
  end if;
  raise exception 'the login % may not act as the role audit_owner', current_user
    using errcode = 'insufficient_privilege',
          hint = format('A superuser, or the login that made that role, can allow it: %s;', wanted);
end
$$;
--> statement-breakpoint
-- Nobody can log in as the owner, so the login that migrated can be denied what it made. The schema
-- comes first, because the owner of an object must be allowed to create in its schema. A sequence
-- follows its table. The grants above stay.
ALTER SCHEMA "audit" OWNER TO "audit_owner";
--> statement-breakpoint
DO $$
declare
  object record;
begin
  for object in
    select 'function' as kind, oid::regprocedure::text as name
    from pg_proc where pronamespace = 'audit'::regnamespace
    union all
    select 'table', oid::regclass::text
    from pg_class where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p')
      and relname <> 'audit_migration_lock' -- the migrator gives it away itself
  loop
    execute format('alter %s %s owner to audit_owner', object.kind, object.name);
  end loop;
end
$$;
