import { sql } from 'drizzle-orm'
import { check, customType, integer, jsonb, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { auditSchema, type JsonObject, instant } from './columns.ts'

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/**
 * Tokens for programs that read the log by the page's addresses. The token itself is 32 random bytes that
 * nobody keeps; its SHA-256 is here. A row is never deleted.
 */
export const auditToken = auditSchema.table(
  'audit_token',
  {
    id: uuid('id').primaryKey(),
    /** Under which its reads are written down. */
    name: text('name').notNull(),
    hash: bytes('hash').notNull(),
    /** What it may see: a viewer without a name, as `authorize` returns it. */
    scope: jsonb('scope').$type<JsonObject>().notNull(),
    /** The most requests in a minute. */
    perMinute: integer('per_minute').notNull(),
    madeAt: instant('made_at').notNull().default(sql`clock_timestamp()`),
    madeBy: text('made_by').notNull().default(sql`session_user`),
    expiresAt: instant('expires_at').notNull(),
    /** Null while it is in force. */
    revokedAt: instant('revoked_at'),
    revokedBy: text('revoked_by'),
    /** To the minute. */
    usedAt: instant('used_at'),
  },
  (token) => [
    uniqueIndex('audit_token_hash').on(token.hash),
    check('audit_token_hash_length', sql`octet_length(${token.hash}) = 32`),
    check('audit_token_name', sql`char_length(${token.name}) between 1 and 128`),
    check('audit_token_scope', sql`jsonb_typeof(${token.scope}) = 'object'`),
    check('audit_token_rate', sql`${token.perMinute} between 1 and 6000`),
    check('audit_token_revoked', sql`num_nulls(${token.revokedAt}, ${token.revokedBy}) <> 1`),
  ],
)
