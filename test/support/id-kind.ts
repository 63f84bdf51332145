import assert from 'node:assert/strict'
import type { SQL } from 'drizzle-orm'
import { PgDialect } from 'drizzle-orm/pg-core'
import type { IdKind } from '../../src/entry.ts'
import type { AuditDatabase } from '../../src/read/timeline.ts'

/** A database that says what its ids are, and fails the test when it is asked anything else. */
export function onlyIdKind(ids: IdKind): AuditDatabase {
  return {
    async execute(query) {
      const { sql } = new PgDialect().sqlToQuery(query as SQL)
      assert.match(sql, /format_type/, 'the database was asked')
      return [{ type: ids }]
    },
  }
}
