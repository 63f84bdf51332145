import { faultHint } from '../database/faults.ts'
import { lacksRight, refusalHint } from '../database/refusal.ts'
import { tlsHint } from '../database/tls.ts'
import { AuditError, databaseFault } from '../errors.ts'
import { type DirectConnection, pinned, serverHint } from './direct-connection.ts'
import type { GivenRoles } from '../database/role-settings.ts'

interface Where {
  readonly client: DirectConnection
  readonly url: string
  readonly given: GivenRoles
}

const HINTS: Readonly<Record<string, string>> = {
  '0A000':
    'A view or a rule of yours reads an id of the audit log. Drop the view, run the command again, and ' +
    'make the view again.',
  '08P01': 'Migrating needs a connection straight to the server, not one through a pooler.',
  '55P03': 'Another session holds a lock. Try again when its transaction has ended.',
}

/**
 * What went wrong and the one thing to do about it. The error of a migration quotes no entry, so
 * Postgres' own message may be shown.
 */
export async function explainMigration(error: unknown, where: Where): Promise<AuditError> {
  if (error instanceof AuditError) return error
  const fault = databaseFault(error)
  const cause: unknown = error instanceof Error ? (error.cause ?? error) : error
  const words = cause instanceof Error ? cause.message : 'unknown'
  const hint =
    serverHint(cause) ??
    (lacksRight(error) ? await ownerHint(where, fault.routine) : undefined) ??
    HINTS[fault.code] ??
    (await tlsHint(where.url, error)) ??
    faultHint(error)
  const message = [`The migration failed (${fault.code}): ${words}.`, hint]
    .filter(Boolean)
    .join(' ')
  return new AuditError('AUDIT_DATABASE_FAILED', message, fault, hint)
}

const NO_ROLES =
  'This login may not create the roles. Let a DBA run what "audit-relay migrate --roles-sql" prints; ' +
  'or migrate as a superuser, or as a login with CREATEROLE and CREATE on the database; or use one ' +
  'login for everything with "audit-relay migrate --roles off".'

/** What a login lacks that would act as the owner of the schema, or make it. */
async function ownerHint({ client, given }: Where, routine?: string): Promise<string | undefined> {
  if (routine === 'CreateRole') return NO_ROLES
  const owner = `${given.rolePrefix ?? ''}audit_owner`
  const [row] = await pinned(
    client,
    (tx) => tx`
      select quote_ident(current_database()) as database, quote_ident(current_user) as login,
        has_database_privilege(current_database(), 'create') as may_create,
        exists (select from pg_namespace where nspname = 'audit') as has_schema,
        rolcreaterole or rolsuper or exists (select from pg_roles where rolname = ${owner}) as has_roles
      from pg_roles where rolname = current_user`,
  ).catch(() => [])
  if (row === undefined) return undefined
  if (row['has_schema']) {
    return await refusalHint('audit_owner', async (text) => (await client.unsafe(text))[0])
  }
  if (!row['has_roles'] && given.roles !== 'off') return NO_ROLES
  if (row['may_create']) return undefined
  const { database, login } = row
  return `The login lacks CREATE on the database: grant create on database ${database} to ${login}.`
}
