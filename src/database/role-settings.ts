import { ROLES, type Role } from './roles.ts'
import { optionInvalid } from '../errors.ts'

/** How the logins of a database get their rights. The database remembers it. */
export interface RoleSettings {
  /** `off`: one login makes and uses everything, and no role is made or needed. */
  readonly roles: 'on' | 'off'
  /** Stands before the name of each role: with `shop_` the owner is `shop_audit_owner`. */
  readonly rolePrefix: string
}

/** What a caller asks for. What is absent is as the database has it, or the default. */
export type GivenRoles = { readonly [Name in keyof RoleSettings]?: RoleSettings[Name] | undefined }

export const DEFAULT_ROLES: RoleSettings = { roles: 'on', rolePrefix: '' }

/** Postgres cuts a longer name without an error. */
const LONGEST_NAME = 63
const LONGEST_PREFIX = LONGEST_NAME - Math.max(...ROLES.map((role) => role.length))
/** With these letters a name means the same with quotes and without, in every place of SQL. */
const PREFIX = /^[a-z_][a-z0-9_]*$/

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming the option, its bounds and its value */
export function checkRoles({ roles, rolePrefix }: GivenRoles): void {
  if (roles !== undefined && roles !== 'on' && roles !== 'off') {
    throw optionInvalid(`roles must be "on" or "off", got "${String(roles)}".`)
  }
  if (rolePrefix === undefined || rolePrefix === '') return
  const shown = `got "${String(rolePrefix).slice(0, LONGEST_NAME + 1)}".`
  if (roles === 'off') {
    throw optionInvalid(`rolePrefix goes with roles only: with roles off there are none; ${shown}`)
  }
  if (!PREFIX.test(rolePrefix) || rolePrefix.length > LONGEST_PREFIX) {
    throw optionInvalid(
      `rolePrefix must be 1 to ${LONGEST_PREFIX} of the characters a-z, 0-9 and _, ` +
        `and not begin with a digit, ${shown}`,
    )
  }
  if (rolePrefix.startsWith('pg_')) {
    throw optionInvalid(`rolePrefix must not begin with "pg_", which Postgres reserves, ${shown}`)
  }
}

/**
 * The settings that hold for a database. Roles that were off can be turned on.
 *
 * @param known what the database remembers; undefined before the first migration
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where the database remembers something else
 */
export function settleRoles(given: GivenRoles, known: RoleSettings | undefined): RoleSettings {
  checkRoles(given)
  const asked = { roles: given.roles ?? known?.roles, rolePrefix: given.rolePrefix }
  if (asked.roles === 'off' && asked.rolePrefix) {
    throw optionInvalid(
      'This database was migrated with roles off, so a prefix names no role. Leave the prefix ' +
        'out, or turn the roles on with it (audit-relay migrate --roles on --role-prefix …).',
    )
  }
  if (known === undefined || (known.roles === 'off' && asked.roles === 'on')) {
    return { roles: asked.roles ?? 'on', rolePrefix: asked.rolePrefix ?? '' }
  }
  if (asked.roles !== known.roles) {
    throw optionInvalid(
      'This database was migrated with roles, which cannot be turned off: the schema belongs to ' +
        `${known.rolePrefix}audit_owner. Leave the roles on.`,
    )
  }
  if (asked.rolePrefix !== undefined && asked.rolePrefix !== known.rolePrefix) {
    throw optionInvalid(
      `This database was migrated with the role prefix "${known.rolePrefix}", and ` +
        `"${asked.rolePrefix}" is another one. Leave the prefix out. To rename the roles, see ` +
        '"A shared server" in relay/README.md.',
    )
  }
  return known
}

export function isSame(one: RoleSettings, other: RoleSettings): boolean {
  return one.roles === other.roles && one.rolePrefix === other.rolePrefix
}

/** Migrations of this name set roles, owners and grants. They may run more than once. */
const ROLE_MIGRATION = /_roles$/
const ANY_ROLE = new RegExp(`\\b(?:${ROLES.join('|')})\\b`)
const EACH_ROLE = new RegExp(ANY_ROLE, 'g')

/**
 * The statements of a migration as they run in a database. Only migrations of roles differ: their
 * roles get the prefix, and with roles off the statements that name a role are left out.
 */
export function statementsFor(
  { name, statements }: { readonly name: string; readonly statements: readonly string[] },
  { roles, rolePrefix }: RoleSettings,
): readonly string[] {
  if (!ROLE_MIGRATION.test(name)) return statements
  if (roles === 'off') return statements.filter((statement) => !ANY_ROLE.test(statement))
  return statements.map((statement) =>
    statement.replaceAll(EACH_ROLE, (role) => `${rolePrefix}${role}`),
  )
}

/** The statements of a series that set roles, owners and grants, as they run in a database. */
export function roleStatements(
  series: readonly { readonly name: string; readonly statements: readonly string[] }[],
  settings: RoleSettings,
): readonly string[] {
  return series
    .filter(({ name }) => ROLE_MIGRATION.test(name))
    .flatMap((migration) => statementsFor(migration, settings))
}

export function roleName(role: Role, { rolePrefix }: RoleSettings): string {
  return `${rolePrefix}${role}`
}

/** SQL that makes the database remember. */
export function rememberRoles({ roles, rolePrefix }: RoleSettings): string {
  return `update audit.audit_schema_version set roles = '${roles}', role_prefix = '${rolePrefix}'`
}
