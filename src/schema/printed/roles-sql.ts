import { ROLES } from '../../database/roles.ts'
import { DEFAULT_ROLES, type RoleSettings, roleName } from '../../database/role-settings.ts'

/**
 * The SQL that a DBA runs once, so that a login without CREATEROLE can migrate and grant: the
 * roles, CREATE on the database where it runs, and each role for that login. It needs a superuser,
 * or a login with CREATEROLE that owns the database and, on PostgreSQL 16 and newer, made the roles
 * that are there already. It may run again.
 *
 * @param login the login that will migrate; it must be there
 */
export function rolesSql(login: string, settings: RoleSettings = DEFAULT_ROLES): string {
  const names = ROLES.map((role) => roleName(role, settings))
  const [owner = '', ...others] = names
  const granted = (role: string, how: string) =>
    `grant ${role} to "${login.replaceAll('"', '""')}" with ${how}`
  const newer = [
    granted(owner, 'admin true, inherit true, set true'),
    ...others.map((role) => granted(role, 'admin true, inherit false, set false')),
  ]
  const older = names.map((role) => granted(role, 'admin option'))
  const made = `declare
  name pg_catalog.text;
begin
  foreach name in array array[${names.map((name) => `'${name}'`).join(', ')}] loop
    if not exists (select from pg_catalog.pg_roles where rolname operator(pg_catalog.=) name) then
      execute pg_catalog.format('create role %I nologin', name);
    end if;
  end loop;
end`
  const create = `begin
  execute pg_catalog.format(
    'grant create on database %I to %I', pg_catalog.current_database(), ${literal(login)});
end`
  const granting = `begin
  if pg_catalog.current_setting('server_version_num')::integer operator(pg_catalog.>=) 160000 then
${newer.map((line) => `    execute ${literal(line)};`).join('\n')}
  else
${older.map((line) => `    execute ${literal(line)};`).join('\n')}
  end if;
end`
  return `-- For a DBA: run it in the database that will hold the audit log. It may run again.

-- The roles. Nobody can log in as one. They belong to the whole server.
${block(made)}

-- The login that migrates makes the schema "audit".
${block(create)}

-- It acts as the owner of the schema, and grants the other roles to logins without asking again.
-- From PostgreSQL 16 on it does not get their rights itself; on 14 and 15 it inherits them.
${block(granting)}

-- Next, as that login: audit-relay migrate (or the SQL of audit-relay migrate --sql), then
--   grant ${names[1]} to <the application's login>;
--   grant ${names[2]} to <the relay's login>;
--   grant ${names[3]} to <a reader's login>;
--   grant ${names[4]} to <the login that keeps, archives and brings old logs in>;
--   grant ${names[5]} to <the login that erases>;`
}

/** A string constant, whatever the server's `standard_conforming_strings` says. */
function literal(text: string): string {
  const quoted = `'${text.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return text.includes('\\') ? ` E${quoted}` : quoted
}

/** A DO statement. A login's name in it may hold the usual end of the quotes. */
function block(body: string): string {
  let tag = '$$'
  for (let at = 1; body.includes(tag); at += 1) tag = `$do${at}$`
  return `do ${tag}\n${body}\n${tag};`
}
