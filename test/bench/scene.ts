import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/index.ts'
import { startPostgres } from '../support/postgres.ts'

export interface BenchDatabase {
  readonly url: string
  /** Both lanes empty again. */
  empty(): Promise<void>
  stop(): Promise<void>
}

/** A server of our own from npm, as it is delivered, with our schema. */
export async function benchDatabase(): Promise<BenchDatabase> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-bench-'))
  fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
  const server = await startPostgres({
    dataDir: path.join(folder, 'data'),
    settings: { max_wal_size: '4GB' },
  })
  await migrateDatabase({
    databaseUrl: server.url,
    logger: { debug() {}, info() {}, warn() {}, error() {} },
  })
  const sql = postgres(server.url, { max: 1, onnotice: () => {} })
  return {
    url: server.url,
    async empty() {
      await sql`truncate audit.audit_staging, audit.audit_outbox`
    },
    async stop() {
      await sql.end({ timeout: 1 })
      await server.stop('immediate')
      fs.rmSync(folder, { recursive: true, force: true })
    },
  }
}
