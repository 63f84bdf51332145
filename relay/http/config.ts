import { optionInvalid } from '../../src/errors.ts'
import { databaseUrlFor, RELAY_LIMITS, resolveLimits } from '../../src/options.ts'
import type { Environment } from '../config.ts'
import { type TokenHolder, readTokens } from '../../src/page/auth/tokens.ts'

export interface HttpConfig {
  readonly host: string
  readonly port: number
  /** Undefined where nobody was given a token: then there is no page. */
  readonly page: PageConfig | undefined
}

export interface PageConfig {
  readonly holders: readonly TokenHolder[]
  readonly readerUrl: string
  readonly statementTimeoutMs: number
  /** Where reading is written down. Undefined: it is not. */
  readonly appUrl: string | undefined
}

/**
 * What the relay serves, and where. Undefined without `AUDIT_HTTP_PORT`.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function readHttpConfig(environment: Environment): HttpConfig | undefined {
  const portText = environment['AUDIT_HTTP_PORT']?.trim()
  const tokens = environment['AUDIT_PAGE_TOKEN']?.trim()
  if (!portText) {
    if (tokens) {
      throw optionInvalid(
        'AUDIT_PAGE_TOKEN is set, and the page needs AUDIT_HTTP_PORT: set it to the port to serve on.',
      )
    }
    return undefined
  }
  const port = /^\d{1,5}$/.test(portText) ? Number(portText) : Number.NaN
  // 0: any port that is free; the log says which.
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
      'AUDIT_PAGE_TOKEN is set, and the page reads the log: set AUDIT_READER_DATABASE_URL or ' +
        'DATABASE_URL.',
    )
  }
  const audits = environment['AUDIT_PAGE_AUDIT_READS']?.trim() || 'on'
  if (audits !== 'on' && audits !== 'off') {
    throw optionInvalid(`AUDIT_PAGE_AUDIT_READS must be on or off, got "${audits}".`)
  }
  const appUrl = audits === 'on' ? databaseUrlFor('app', undefined, environment) : undefined
  if (audits === 'on' && appUrl === undefined) {
    throw optionInvalid(
      'The page records who reads it: set AUDIT_APP_DATABASE_URL or DATABASE_URL, or turn that off ' +
        'with AUDIT_PAGE_AUDIT_READS=off.',
    )
  }
  const { statementTimeoutMs } = resolveLimits(RELAY_LIMITS, {}, environment)
  return { holders, readerUrl, statementTimeoutMs, appUrl }
}
