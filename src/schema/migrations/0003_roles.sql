-- Roles belong to the whole server, so the migration of another database may have made them.
DO $$
declare
  role_name text;
begin
  foreach role_name in array array['audit_owner', 'audit_app', 'audit_relay', 'audit_reader'] loop
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
GRANT USAGE ON SCHEMA "audit" TO "audit_app", "audit_relay", "audit_reader";
--> statement-breakpoint
-- The application writes by functions alone. It reads no entry.
GRANT EXECUTE ON FUNCTION
  "audit"."stage"(uuid, text, text[]),
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
  "audit"."ensure_partitions"(integer),
  "audit"."who_holds_log"(),
  "audit"."backlog"(),
  "audit"."status"(),
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
  "audit"."stage"(uuid, text, text[]),
  "audit"."report"(uuid, text, timestamptz, bigint, bigint, jsonb, boolean),
  "audit"."database_identity"()
TO "audit_relay";
--> statement-breakpoint
-- A reader reads the log and no other table of entries.
GRANT SELECT ON "audit"."audit_log", "audit"."audit_history" TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."id_floor"(timestamptz) TO "audit_reader";
--> statement-breakpoint
-- Reading is written down by who reads. An application that only records cannot forge it.
GRANT EXECUTE ON FUNCTION "audit"."note_read"(boolean, text, jsonb, jsonb)
TO "audit_reader", "audit_relay";
--> statement-breakpoint
GRANT SELECT ON "audit"."audit_schema_version" TO "audit_relay", "audit_reader";
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
