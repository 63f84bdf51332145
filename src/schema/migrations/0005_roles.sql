-- Roles belong to the whole server, so another database may have made them already.
DO $$
declare
  role_name text;
begin
  foreach role_name in array array['audit_owner', 'audit_app', 'audit_relay', 'audit_reader'] loop
    if not exists (select from pg_roles where rolname = role_name) then
      begin
        execute format('create role %I nologin', role_name);
      exception when duplicate_object or unique_violation then
        null; -- made meanwhile by another database's migration
      end;
    end if;
  end loop;
end
$$;
--> statement-breakpoint
-- Nobody but the four roles, whatever ALTER DEFAULT PRIVILEGES gives to others; and to PUBLIC not
-- even what Postgres gives it by itself, the execution of functions.
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
-- The application appends to the lanes and reads nothing.
GRANT INSERT ON "audit"."audit_staging", "audit"."audit_outbox" TO "audit_app";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  "audit"."record"(text),
  "audit"."report"(uuid, timestamptz, bigint, bigint, jsonb, boolean),
  "audit"."lane_epoch"(),
  "audit"."lane_state"(uuid)
TO "audit_app";
--> statement-breakpoint
-- The relay takes from the lanes and appends to the log. FOR UPDATE needs UPDATE.
GRANT SELECT, UPDATE, DELETE
ON "audit"."audit_staging", "audit"."audit_outbox" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT, INSERT ON "audit"."audit_log" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT, UPDATE ON "audit"."audit_head" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT ON "audit"."audit_lane", "audit"."audit_sentinel" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE ON "audit"."audit_recorder" TO "audit_relay";
--> statement-breakpoint
-- A dead letter goes by the functions below only: back into a lane, or with a trace in the log.
GRANT SELECT, INSERT ON "audit"."audit_dead_letter" TO "audit_relay";
--> statement-breakpoint
GRANT USAGE ON SEQUENCE "audit"."audit_dead_letter_number_seq" TO "audit_relay";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  "audit"."ensure_partitions"(integer),
  "audit"."id_floor"(timestamptz),
  "audit"."declare_gap"(),
  "audit"."compact"(text),
  "audit"."retry_dead_letter"(bigint),
  "audit"."drop_dead_letter"(bigint)
TO "audit_relay";
--> statement-breakpoint
-- Readers read the log, and nothing else of anybody's.
GRANT SELECT ON "audit"."audit_log" TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."id_floor"(timestamptz) TO "audit_reader";
--> statement-breakpoint
GRANT SELECT ON "audit"."audit_schema_version" TO "audit_app", "audit_relay", "audit_reader";
--> statement-breakpoint
-- To hand objects over, a login that is no superuser must be able to act as their new owner, and
-- to come again it must inherit from it. It grants itself the role where Postgres lets it: up to
-- version 15 any login with CREATEROLE, from 16 on only the one that made the role.
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
      null; -- not ours to grant, or granted meanwhile by another database's migration
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
-- Everything belongs to a role that nobody can log in as, so whoever migrated can be denied it.
-- The schema first: the owner of a thing must be allowed to create in its schema. Sequences go with
-- their tables, and what was granted above stays granted.
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
  loop
    execute format('alter %s %s owner to audit_owner', object.kind, object.name);
  end loop;
end
$$;
