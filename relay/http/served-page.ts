import type { AuditLogger } from '../../src/logger.ts'
import { Database } from '../../src/database/connection.ts'
import type { PageConfig } from './config.ts'
import { loadCatalog } from '../actions/load-catalog.ts'
import { ReaderPool } from './reader-pool.ts'
import { SqlNames } from '../names/sql-names.ts'
import { firstNames } from '../../src/names/name-source.ts'
import { namesFromLabels } from '../../src/names/names-from-labels.ts'
import { createTimelinePage } from '../../src/page/timeline-page.ts'
import { tokenAuthorize, tokenSignOut } from '../../src/page/auth/tokens.ts'
import { ReadNotes } from '../../src/page/requests/read-notes.ts'

export interface ServedPage {
  readonly fetch: (request: Request, environment: unknown) => Promise<Response>
  /** Writes down what was read last, and lets go of the connections. */
  close(): Promise<void>
}

/**
 * Makes the page that a relay serves. It reads, and records reads, as `audit_reader`.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where the catalogue of actions cannot be loaded, or a
 * statement for names is refused
 */
export async function createServedPage(
  config: PageConfig,
  logger: AuditLogger,
): Promise<ServedPage> {
  const { readerUrl, statementTimeoutMs, holders, auditsReads, strict, trustsProxy } = config
  const { namesSql, findSql, sharesViews } = config
  const sqlNames = new SqlNames({ url: readerUrl, namesSql, findSql })
  try {
    await sqlNames.check()
  } catch (error) {
    await sqlNames.close()
    throw error
  }
  const actions =
    config.actionsFile === undefined ? undefined : await loadCatalog(config.actionsFile)
  const pool = new ReaderPool({ url: readerUrl, statementTimeoutMs })
  // On a connection of its own, because those of the pool only read.
  const notesDatabase = new Database({
    url: readerUrl,
    role: 'audit_reader',
    statementTimeoutMs,
    applicationName: 'audit-relay page',
  })
  const notes = new ReadNotes(notesDatabase, logger)
  const page = createTimelinePage({
    db: pool,
    authorize: tokenAuthorize(holders, Date.now, { trustsProxy }),
    signOut: tokenSignOut({ trustsProxy }),
    recorder: auditsReads && notes,
    tokens: { db: notesDatabase },
    strict,
    // Each token has one name, so the log says who saved a view.
    views: sharesViews
      ? { db: notesDatabase, sharedWith: ({ by }) => by === 'session' }
      : 'private',
    ...firstNames(sqlNames, namesFromLabels(pool)),
    actions,
    logger,
  })
  return {
    fetch: page.fetch,
    async close() {
      await page.close()
      await Promise.all([pool.close(), notesDatabase.close(), sqlNames.close()])
    },
  }
}
