/**
 * SQL that makes of a schema what `pg_restore --no-owner --no-acl` leaves: the login that restored
 * owns all, and nobody else has a right.
 */
export const RESTORED_WITHOUT_RIGHTS = `
  do $$
  declare one record;
  begin
    execute 'alter schema audit owner to ' || quote_ident(current_user);
    revoke all on schema audit from audit_app, audit_relay, audit_reader, audit_keeper,
      audit_eraser, audit_owner;
    for one in select oid::regclass as name from pg_class
      where relnamespace = 'audit'::regnamespace and relkind in ('r', 'p') loop
      execute format('alter table %s owner to %I', one.name, current_user);
      execute format('revoke all on %s from audit_app, audit_relay, audit_reader, audit_keeper, audit_eraser', one.name);
    end loop;
    for one in select oid::regprocedure as name from pg_proc
      where pronamespace = 'audit'::regnamespace loop
      execute format('alter function %s owner to %I', one.name, current_user);
      execute format('grant execute on function %s to public', one.name);
    end loop;
  end $$`
