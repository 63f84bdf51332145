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
  /** Whether nothing is shown before it is written down. */
  readonly strict: boolean
  /** Whether to believe `X-Forwarded-Proto`. */
  readonly trustsProxy: boolean
  /** Whether those who have a token share views. */
  readonly sharesViews: boolean
  /** The file that exports the catalogue of actions. */
  readonly actionsFile: string | undefined
  /** Statements of the operator that turn ids into names, and texts into ids. */
  readonly namesSql: string | undefined
  readonly findSql: string | undefined
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
  const audits = choice(environment, 'AUDIT_PAGE_AUDIT_READS', ['on', 'off', 'strict'])
  const trusts = choice(environment, 'AUDIT_PAGE_TRUST_PROXY', ['off', 'on'])
  const views = choice(environment, 'AUDIT_PAGE_VIEWS', ['private', 'shared'])
  const { statementTimeoutMs } = resolveLimits(RELAY_LIMITS, {}, environment)
  return {
    ...{ holders, readerUrl, statementTimeoutMs },
    auditsReads: audits !== 'off',
    strict: audits === 'strict',
    trustsProxy: trusts === 'on',
    sharesViews: views === 'shared',
    actionsFile: environment['AUDIT_ACTIONS']?.trim() || undefined,
    namesSql: environment['AUDIT_NAMES_SQL']?.trim() || undefined,
    findSql: environment['AUDIT_FIND_SQL']?.trim() || undefined,
  }
}

/** @param choices the first one is the default */
function choice(environment: Environment, name: string, choices: readonly string[]): string {
  const given = environment[name]?.trim() || choices[0]
  const chosen = choices.find((known) => known === given)
  if (chosen !== undefined) return chosen
  const [last, ...others] = choices.toReversed()
  const list = `${others.toReversed().join(', ')} or ${last}`
  throw optionInvalid(`${name} must be ${list}, got "${given}".`)
}
