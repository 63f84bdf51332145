import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import postgres from 'postgres'
import { migrateDatabase } from '../../src/schema/migrate.ts'
import { type Postgres, startPostgres } from '../support/postgres.ts'
import { whenWeEnd } from '../support/when-we-end.ts'
import { quietLogger } from './quiet-logger.ts'

/** As a small server of its own would be set; durable, as every default is. */
const SETTINGS = { shared_buffers: '2GB', max_wal_size: '8GB', maintenance_work_mem: '1GB' }

/** A server for one part of the benchmark, and databases on it that begin alike. */
export class BenchServer {
  readonly server: Postgres
  readonly admin: postgres.Sql
  readonly #remove: () => Promise<void>

  private constructor(server: Postgres, remove: () => Promise<void>) {
    this.server = server
    this.admin = postgres(server.url, { max: 1, onnotice: () => {} })
    this.#remove = remove
  }

  static async start(): Promise<BenchServer> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-bench-'))
    const callOff = whenWeEnd('rm -rf "$0" || { sleep 3; rm -rf "$0"; }', folder)
    fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
    const server = await startPostgres({ dataDir: path.join(folder, 'data'), settings: SETTINGS })
    return new BenchServer(server, async () => {
      await server.stop('immediate')
      fs.rmSync(folder, { recursive: true, force: true })
      callOff()
    })
  }

  urlOf(database: string): string {
    return this.server.url.replace(/postgres$/, database)
  }

  /** A database with our schema and the rows that `fill` puts into it. */
  async make(database: string, fill: (sql: postgres.Sql) => Promise<void> = async () => {}) {
    await this.admin.unsafe(`create database ${database}`)
    const url = this.urlOf(database)
    await migrateDatabase({ databaseUrl: url, logger: quietLogger })
    const sql = this.connect(database)
    try {
      await fill(sql)
    } finally {
      await sql.end({ timeout: 5 })
    }
    return url
  }

  /** Runs `work` on a fresh copy of a database, with everything that is due written to disk. */
  async onCopy<T>(template: string, work: (url: string, sql: postgres.Sql) => Promise<T>) {
    const database = `${template}_copy`
    await this.admin.unsafe(`create database ${database} template ${template} strategy file_copy`)
    const sql = this.connect(database)
    try {
      await this.admin`checkpoint`
      return await work(this.urlOf(database), sql)
    } finally {
      await sql.end({ timeout: 5 })
      await this.admin.unsafe(`drop database ${database} with (force)`)
    }
  }

  connect(database: string): postgres.Sql {
    return postgres(this.urlOf(database), { max: 1, onnotice: () => {} })
  }

  async remove(): Promise<void> {
    await this.admin.end({ timeout: 5 })
    await this.#remove()
  }
}
