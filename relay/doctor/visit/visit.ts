import {
  checkRoles,
  DEFAULT_ROLES,
  type RoleSettings,
  roleName,
} from '../../../src/database/role-settings.ts'
import { databaseFault } from '../../../src/errors.ts'
import {
  type DatabaseRole,
  databaseUrlFor,
  environmentName,
  type RelayLimits,
} from '../../../src/options.ts'
import type { Environment } from '../../config.ts'
import { DoctorConnection, type Row } from './connection.ts'

export const ROLES: readonly DatabaseRole[] = [
  'owner',
  'relay',
  'app',
  'reader',
  'keeper',
  'eraser',
]
/** They run by cron or by hand, often on another machine, and many logs have none. */
const ONLY_BY_OWN_URL: readonly DatabaseRole[] = ['keeper', 'eraser']
/** Codes that mean that another login may be allowed what this one is not. */
const NOT_PERMITTED = '42501'

/** What the checks look at: the connections, and what was learnt first. */
export class Visit {
  readonly environment: Environment
  readonly limits: RelayLimits
  readonly connections: readonly DoctorConnection[]
  /** Set once it is known. */
  settings: RoleSettings = DEFAULT_ROLES

  constructor(environment: Environment, limits: RelayLimits) {
    this.environment = environment
    this.limits = limits
    this.connections = connectionsOf(environment, limits.statementTimeoutMs)
  }

  /** The connection of a role, where it is open. */
  of(role: DatabaseRole): DoctorConnection | undefined {
    return this.open.find(({ roles }) => roles.includes(role))
  }

  /** Those that have connected: the owner's first, because it may see most. */
  get open(): readonly DoctorConnection[] {
    return this.connections.filter(({ identity }) => identity !== undefined)
  }

  roleName(role: DatabaseRole): string {
    return roleName(`audit_${role}`, this.settings)
  }

  /**
   * Asks as one role after the other, until one is allowed to.
   *
   * @throws {AuditError} of the last one
   */
  async rows(
    query: string,
    params: readonly string[] = [],
    roles: readonly DatabaseRole[] = ROLES,
  ): Promise<readonly Row[]> {
    return await this.as(roles, (connection) => connection.rows(query, params))
  }

  async row(query: string, params?: readonly string[], roles?: readonly DatabaseRole[]) {
    return (await this.rows(query, params, roles))[0] ?? {}
  }

  /** As {@link rows}, with any question. */
  async as<T>(
    roles: readonly DatabaseRole[],
    ask: (connection: DoctorConnection) => Promise<T>,
  ): Promise<T> {
    const able = roles.map((role) => this.of(role)).filter((one) => one !== undefined)
    const asked = [...new Set(able)]
    for (const [at, connection] of asked.entries()) {
      try {
        return await ask(connection)
      } catch (error) {
        const isLast = at === asked.length - 1
        if (isLast || databaseFault(error).code !== NOT_PERMITTED) throw error
      }
    }
    throw new NobodyToAsk(roles)
  }

  /** Learns how the logins get their rights: from the schema, or else from the name of its owner. */
  async learn(): Promise<void> {
    const said = await this.row(`
      select to_jsonb(v) ->> 'roles' as roles, to_jsonb(v) ->> 'role_prefix' as prefix
      from audit.audit_schema_version as v`).catch(() => undefined)
    const { owner } = await this.row(
      `select pg_get_userbyid(nspowner)::text as owner from pg_namespace where nspname = 'audit'`,
    )
    const [, ownersPrefix] = /^(.*)audit_owner$/.exec(String(owner)) ?? []
    const isOff = said?.['roles'] === 'off' || (!said?.['roles'] && ownersPrefix === undefined)
    const rolePrefix = String(said?.['prefix'] ?? ownersPrefix ?? '')
    const found: RoleSettings = isOff
      ? { roles: 'off', rolePrefix: '' }
      : { roles: 'on', rolePrefix }
    checkRoles(found) // the owner of the table can write anything there, and it is a part of names
    this.settings = found
  }

  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()))
  }
}

/** No connection of these roles is open. */
export class NobodyToAsk extends Error {
  readonly roles: readonly DatabaseRole[]

  constructor(roles: readonly DatabaseRole[]) {
    super(`no connection as ${roles.join(' or ')}`)
    this.roles = roles
  }
}

/** One connection for each URL. Keeper and eraser have one only where they have a URL of their own. */
function connectionsOf(environment: Environment, timeoutMs: number): readonly DoctorConnection[] {
  const byUrl = new Map<string, DatabaseRole[]>()
  for (const role of ROLES) {
    if (ONLY_BY_OWN_URL.includes(role) && variableOf(role, environment) === 'DATABASE_URL') continue
    const url = databaseUrlFor(role, undefined, environment)
    if (url !== undefined) byUrl.set(url, [...(byUrl.get(url) ?? []), role])
  }
  return Array.from(byUrl, ([url, roles]) => {
    const variables = roles.map((role) => variableOf(role, environment))
    return new DoctorConnection(url, roles, [...new Set(variables)], timeoutMs)
  })
}

/** The variable that a role's URL comes from. */
export function variableOf(role: DatabaseRole, environment: Environment): string {
  const own = environmentName(`${role}DatabaseUrl`)
  return environment[own]?.trim() ? own : 'DATABASE_URL'
}
