import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { BOOKKEEPING, lastOf, migrationsFolder, series } from '../../src/schema/series.ts'

/**
 * Migrates a database as a later package could: with this package's series, and one more migration
 * that consists of these statements.
 */
export async function migrateToNext(url: string, ...statements: string[]): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'audit-outbox-next-'))
  const client = postgres(url, { max: 1, onnotice: () => {} })
  try {
    cpSync(migrationsFolder, folder, { recursive: true })
    const journalFile = path.join(folder, 'meta/_journal.json')
    const journal = JSON.parse(readFileSync(journalFile, 'utf8'))
    const when = lastOf(series()) + 1
    journal.entries.push({ ...journal.entries.at(-1), when, tag: 'next' })
    writeFileSync(journalFile, JSON.stringify(journal))
    writeFileSync(path.join(folder, 'next.sql'), statements.join('--> statement-breakpoint\n'))
    await migrate(drizzle(client), { migrationsFolder: folder, ...BOOKKEEPING })
  } finally {
    await client.end({ timeout: 1 })
    rmSync(folder, { recursive: true })
  }
}
