import { optionInvalid } from '../../src/errors.ts'
import { databaseUrlFor, RELAY_LIMITS, resolveLimits } from '../../src/options.ts'
import type { Environment } from '../config.ts'
import { type TokenHolder, readTokens } from '../../src/page/auth/tokens.ts'

export interface HttpConfig {
  readonly host: string
  readonly port: number
  /** Undefined without a token. The page is then not served. */
  readonly page: PageConfig | undefined
}

export interface PageConfig {
  readonly holders: readonly TokenHolder[]
  readonly readerUrl: string
  readonly statementTimeoutMs: number
  /** Whether the page records who reads it. */
  readonly auditsReads: boolean
}

/**
 * Reads from the environment what the relay serves over HTTP, and where. Undefined without
 * `AUDIT_HTTP_PORT`.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function readHttpConfig(environment: Environment): HttpConfig | undefined {
  const portText = environment['AUDIT_HTTP_PORT']?.trim()
  const tokens = environment['AUDIT_PAGE_TOKEN']?.trim()
  if (!portText) {
    if (tokens) {
      throw optionInvalid(
        'AUDIT_PAGE_TOKEN is set, but AUDIT_HTTP_PORT is not. Set it to the port to serve on.',
      )
    }
    return undefined
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN
  // Port 0 means any free port. The log says which one.
  if (!(port <= 65_535)) {
    throw optionInvalid(
      `AUDIT_HTTP_PORT must be a whole number from 0 to 65535, got "${portText}".`,
    )
  }
  const host = environment['AUDIT_HTTP_HOST']?.trim() || '127.0.0.1'
  return { host, port, page: tokens ? readPageConfig(environment, tokens) : undefined }
}

function readPageConfig(environment: Environment, tokens: string): PageConfig {
  const holders = readTokens(tokens)
  const readerUrl = databaseUrlFor('reader', undefined, environment)
  if (readerUrl === undefined) {
    throw optionInvalid(
      'AUDIT_PAGE_TOKEN is set, but the page has no database to read. Set ' +
        'AUDIT_READER_DATABASE_URL or DATABASE_URL.',
    )
  }
  const audits = environment['AUDIT_PAGE_AUDIT_READS']?.trim() || 'on'
  if (audits !== 'on' && audits !== 'off') {
    throw optionInvalid(`AUDIT_PAGE_AUDIT_READS must be on or off, got "${audits}".`)
  }
  const { statementTimeoutMs } = resolveLimits(RELAY_LIMITS, {}, environment)
  return { holders, readerUrl, statementTimeoutMs, auditsReads: audits === 'on' }
}
