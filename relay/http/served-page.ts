import { createRecorder } from '../../src/recorder/create-recorder.ts'
import type { AuditLogger } from '../../src/logger.ts'
import type { PageConfig } from './config.ts'
import { ReaderPool } from './reader-pool.ts'
import { createTimelinePage } from '../../src/page/timeline-page.ts'
import { tokenAuthorize } from '../../src/page/auth/tokens.ts'

export interface ServedPage {
  readonly fetch: (request: Request) => Promise<Response>
  /** Flushes the last `audit.read` entries and closes the connections. */
  close(): Promise<void>
}

/**
 * Makes the page that a relay serves. It reads as `audit_reader` and records reads as `audit_app`.
 */
export function createServedPage(config: PageConfig, logger: AuditLogger): ServedPage {
  const { readerUrl, appUrl, statementTimeoutMs, holders } = config
  const pool = new ReaderPool({ url: readerUrl, statementTimeoutMs })
  const recorder =
    appUrl === undefined ? undefined : createRecorder({ databaseUrl: appUrl, logger })
  const page = createTimelinePage({
    db: pool,
    authorize: tokenAuthorize(holders),
    recorder: recorder ?? false,
    logger,
  })
  return {
    fetch: page.fetch,
    async close() {
      await Promise.all([pool.close(), recorder?.close()])
    },
  }
}
