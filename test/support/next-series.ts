import { runAll } from '../../src/schema/apply-series.ts'
import { connectDirectly } from '../../src/schema/direct-connection.ts'
import { lastOf, noteApplied, series } from '../../src/schema/series.ts'

/**
 * Migrates a migrated database as a later package could: by one more migration that consists of these
 * statements.
 */
export async function migrateToNext(url: string, ...statements: string[]): Promise<void> {
  const client = connectDirectly(url, 'test')
  try {
    const createdAt = lastOf(series()) + 1
    const next = { name: 'next', createdAt, hash: 'next', statements }
    await runAll(client, [...statements, noteApplied(next)])
  } finally {
    await client.end({ timeout: 1 })
  }
}
