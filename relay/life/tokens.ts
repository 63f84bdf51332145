import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { newToken } from '../../src/page/auth/api-tokens.ts'
import type { CheckedProjection } from '../../src/projection/projection.ts'

/** What a token may see, as `authorize` says it of a viewer. */
export type TokenScope = CheckedProjection & { readonly sees?: 'everything' }

export interface TokenTerms {
  readonly scope: TokenScope
  readonly perMinute: number
  /** Unix ms. */
  readonly until: number
}

/** A token without its secret. Times are ISO 8601, in UTC. */
export interface Token {
  readonly id: string
  readonly name: string
  /** JSON text. */
  readonly scope: string
  readonly perMinute: number
  readonly madeBy: string
  readonly madeAt: string
  readonly expiresAt: string
  readonly usedAt: string | null
  readonly revokedBy: string | null
  readonly revokedAt: string | null
}

/** Makes a token. The database gets its hash alone, so it is told here and never again. */
export async function makeToken(
  database: Database,
  name: string,
  { scope, perMinute, until }: TokenTerms,
): Promise<{ readonly id: string; readonly token: string }> {
  const { token, hash } = newToken()
  const [row] = await database.execute<{ id: string }>(sql`
    select audit.make_token(${name}::pg_catalog.text,
      pg_catalog.decode(${hash.toString('hex')}::pg_catalog.text, 'hex'),
      ${JSON.stringify(scope)}::pg_catalog.text::pg_catalog.jsonb, ${perMinute}::integer,
      ${new Date(until).toISOString()}::pg_catalog.text::pg_catalog.timestamptz) as id`)
  return { id: row?.id ?? '', token }
}

/** @returns whether such a token was there and not revoked */
export async function revokeToken(database: Database, id: string): Promise<boolean> {
  const [row] = await database.execute<{ revoked: boolean }>(sql`
    select audit.revoke_token(${id}::pg_catalog.text::pg_catalog.uuid) as revoked`)
  return row?.revoked === true
}

/** Those in force, oldest first. @param ended also those that are not any more */
export function listTokens(database: Database, ended: boolean): Promise<readonly Token[]> {
  return database.execute<Token>(sql`
    select t.id, t.name, t.scope, t.per_minute as "perMinute", t.made_by as "madeBy",
      t.made_at as "madeAt", t.expires_at as "expiresAt", t.used_at as "usedAt",
      t.revoked_by as "revokedBy", t.revoked_at as "revokedAt"
    from audit.list_tokens(${ended}::pg_catalog.bool) as t`)
}
