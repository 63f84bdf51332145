import type { SQL } from 'drizzle-orm'
import { Database } from '../../src/database/connection.ts'
import { AuditError } from '../../src/errors.ts'
import type { DrizzleHandle } from '../../src/database/callers-database.ts'

export interface ReaderPoolOptions {
  readonly url: string
  readonly statementTimeoutMs: number
}

const CONNECTIONS = 3
/** The most queries at once, running or waiting. The page answers further requests with 503. */
const MAX_QUERIES = 60

/**
 * The page's own connections. There are few of them, so that they leave enough for the application.
 * The server cancels a statement that takes longer than `statementTimeoutMs`.
 */
export class ReaderPool implements DrizzleHandle {
  readonly #connections: readonly { readonly database: Database; inFlight: number }[]

  constructor({ url, statementTimeoutMs }: ReaderPoolOptions) {
    this.#connections = Array.from({ length: CONNECTIONS }, () => ({
      database: new Database({
        url,
        role: 'audit_reader',
        statementTimeoutMs,
        applicationName: 'audit-relay page',
        isReader: true,
      }),
      inFlight: 0,
    }))
  }

  async execute(query: SQL): Promise<unknown> {
    const queries = this.#connections.reduce((sum, { inFlight }) => sum + inFlight, 0)
    if (queries >= MAX_QUERIES) {
      const message = `The page is busy with ${queries} queries. Try again in a few seconds.`
      throw new AuditError('AUDIT_DEADLINE_PASSED', message)
    }
    const leastBusy = this.#connections.reduce((one, other) =>
      other.inFlight < one.inFlight ? other : one,
    )
    leastBusy.inFlight += 1
    try {
      return await leastBusy.database.execute(query)
    } finally {
      leastBusy.inFlight -= 1
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map(({ database }) => database.close()))
  }
}
