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
-- To hand objects over, the migrating login must be able to act as their new owner. A superuser
-- always can; a login with CREATEROLE grants itself the role that it has just made.
DO $$
begin
  if not (select rolsuper from pg_roles where rolname = current_user)
    and not pg_has_role(current_user, 'audit_owner', 'member') then
    execute format('grant audit_owner to %I', current_user);
  end if;
  if current_setting('server_version_num')::integer >= 160000
    and not (select rolsuper from pg_roles where rolname = current_user)
    and not pg_has_role(current_user, 'audit_owner', 'set') then
    execute format('grant audit_owner to %I with set true, inherit true', current_user);
  end if;
end
$$;
--> statement-breakpoint
GRANT USAGE ON SCHEMA "audit" TO "audit_app", "audit_relay", "audit_reader";
--> statement-breakpoint
GRANT USAGE, CREATE ON SCHEMA "audit" TO "audit_owner";
--> statement-breakpoint
-- Everything belongs to a role that nobody can log in as.
DO $$
declare
  object record;
begin
  for object in
    select c.oid::regclass as name from pg_class as c
    where c.relnamespace = 'audit'::regnamespace and c.relkind in ('r', 'p')
  loop
    execute format('alter table %s owner to audit_owner', object.name);
  end loop;
  for object in
    select p.oid::regprocedure as name from pg_proc as p
    where p.pronamespace = 'audit'::regnamespace
  loop
    execute format('alter function %s owner to audit_owner', object.name);
    execute format('revoke all on function %s from public', object.name);
  end loop;
end
$$;
--> statement-breakpoint
-- The application appends to the lanes and reads nothing.
GRANT INSERT ON "audit"."audit_staging", "audit"."audit_outbox" TO "audit_app";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION
  "audit"."record"(text),
  "audit"."report"(uuid, timestamptz, bigint, bigint, jsonb, boolean),
  "audit"."lane_state"(uuid)
TO "audit_app";
--> statement-breakpoint
-- The relay takes from the lanes and appends to the log. FOR UPDATE needs UPDATE.
GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE
ON "audit"."audit_staging", "audit"."audit_outbox" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT, INSERT ON "audit"."audit_log" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT, UPDATE ON "audit"."audit_head", "audit"."audit_lane" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT, INSERT, UPDATE, DELETE
ON "audit"."audit_dead_letter", "audit"."audit_recorder", "audit"."audit_sentinel" TO "audit_relay";
--> statement-breakpoint
GRANT USAGE ON SEQUENCE "audit"."audit_dead_letter_number_seq" TO "audit_relay";
--> statement-breakpoint
GRANT SELECT ON "audit"."audit_schema_version" TO "audit_app", "audit_relay", "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."ensure_partitions"(integer), "audit"."id_floor"(timestamptz)
TO "audit_relay";
--> statement-breakpoint
-- Readers read the log, and nothing else.
GRANT SELECT ON "audit"."audit_log" TO "audit_reader";
--> statement-breakpoint
GRANT EXECUTE ON FUNCTION "audit"."id_floor"(timestamptz) TO "audit_reader";
