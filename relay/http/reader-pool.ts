import type { SQL } from 'drizzle-orm'
import { Database } from '../../src/database/connection.ts'
import { AuditError } from '../../src/errors.ts'
import type { AuditDatabase } from '../../src/database/callers-database.ts'

export interface ReaderPoolOptions {
  readonly url: string
  readonly statementTimeoutMs: number
}

const CONNECTIONS = 3
/** Beyond it the page says that it is busy: a queue without an end helps nobody in it. */
const MAX_WAITING = 60

/**
 * The page's own connections: few, so that readers never take what the application needs, each
 * ended by the server itself when a statement takes too long.
 */
export class ReaderPool implements AuditDatabase {
  readonly #connections: readonly { readonly database: Database; inFlight: number }[]

  constructor({ url, statementTimeoutMs }: ReaderPoolOptions) {
    this.#connections = Array.from({ length: CONNECTIONS }, () => ({
      database: new Database({
        ...{ url, statementTimeoutMs, applicationName: 'audit-relay page', isReader: true },
      }),
      inFlight: 0,
    }))
  }

  async execute(query: SQL): Promise<unknown> {
    const least = this.#connections.reduce((one, other) =>
      other.inFlight < one.inFlight ? other : one,
    )
    const waiting = this.#connections.reduce((sum, { inFlight }) => sum + inFlight, 0)
    if (waiting >= MAX_WAITING) {
      throw new AuditError('AUDIT_DEADLINE_PASSED', 'Too many are reading at this moment.')
    }
    least.inFlight += 1
    try {
      return await least.database.execute(query)
    } finally {
      least.inFlight -= 1
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#connections.map(({ database }) => database.close()))
  }
}
