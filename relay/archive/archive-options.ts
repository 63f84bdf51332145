import { optionInvalid } from '../../src/errors.ts'
import type { StorePlace } from './stores/store.ts'
import { ARCHIVE_FORMATS, type ArchiveFormat } from './files/archive-format.ts'
import type { Environment } from '../config.ts'

/** How and where partitions are archived. */
export interface ArchiveOptions extends StorePlace {
  readonly format: ArchiveFormat
}

/**
 * Reads `AUDIT_ARCHIVE`, `AUDIT_ARCHIVE_URL`, `AUDIT_ARCHIVE_KEEP` and `AUDIT_ARCHIVE_LEGAL_HOLD`.
 *
 * @returns undefined where nothing is archived: without a format and a URL, or with the format `off`
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function readArchiveOptions(environment: Environment): ArchiveOptions | undefined {
  const value = (name: string) => environment[name]?.trim() || undefined
  const format = value('AUDIT_ARCHIVE')
  const url = value('AUDIT_ARCHIVE_URL')
  if (format === 'off' || (format === undefined && url === undefined)) return undefined
  if (url === undefined) {
    throw optionInvalid(
      `AUDIT_ARCHIVE is ${format}, so AUDIT_ARCHIVE_URL must say where to: file:///folder or ` +
        's3://bucket/prefix.',
    )
  }
  const keep = value('AUDIT_ARCHIVE_KEEP')
  return checkedForStore({
    format: readFormat(format ?? 'ndjson'),
    url: readArchiveUrl('AUDIT_ARCHIVE_URL', url),
    keepMs: keep === undefined ? undefined : readKeep(keep),
    legalHold: readSwitch(value('AUDIT_ARCHIVE_LEGAL_HOLD')),
  })
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID` */
export function readArchiveUrl(source: string, text: string): URL {
  const expected = `${source} must be file:///folder or s3://bucket/prefix`
  let url: URL
  try {
    url = new URL(text)
  } catch {
    throw optionInvalid(`${expected}; it is no URL.`)
  }
  // The message does not quote it: a login in it may be a secret.
  if (url.username || url.password) {
    throw optionInvalid(`${expected}, without a login: that comes from AWS_ACCESS_KEY_ID.`)
  }
  const isFile = url.protocol === 'file:' && url.host === '' && url.pathname.length > 1
  const isS3 = url.protocol === 's3:' && url.host !== ''
  if ((isFile || isS3) && !url.search && !url.hash) return url
  throw optionInvalid(`${expected}, got "${text.slice(0, 80)}".`)
}

function readFormat(given: string): ArchiveFormat {
  const format = ARCHIVE_FORMATS.find((known) => known === given)
  if (format) return format
  throw optionInvalid(
    `AUDIT_ARCHIVE must be one of off, ${ARCHIVE_FORMATS.join(', ')}, got "${given.slice(0, 40)}".`,
  )
}

function readSwitch(given = 'off'): boolean {
  if (given === 'on' || given === 'off') return given === 'on'
  throw optionInvalid(`AUDIT_ARCHIVE_LEGAL_HOLD must be on or off, got "${given.slice(0, 40)}".`)
}

const UNIT_DAYS: Readonly<Record<string, number>> = { day: 1, week: 7, month: 31, year: 366 }
const DAY_MS = 86_400_000
const MAX_KEEP_DAYS = 36_600

/** Months and years are counted in full: of 31 and 366 days. */
function readKeep(given: string): number {
  const [, number, unit = ''] = /^(\d{1,5}) (day|week|month|year)s?$/.exec(given) ?? []
  const days = Number(number) * (UNIT_DAYS[unit] ?? Number.NaN)
  if (days >= 1 && days <= MAX_KEEP_DAYS) return days * DAY_MS
  throw optionInvalid(
    'AUDIT_ARCHIVE_KEEP must be a time from 1 day to 100 years, such as "90 days" or "7 years", ' +
      `got "${given.slice(0, 40)}".`,
  )
}

function checkedForStore(options: ArchiveOptions): ArchiveOptions {
  const { url, keepMs, legalHold } = options
  if (url.protocol === 's3:' || (keepMs === undefined && !legalHold)) return options
  throw optionInvalid(
    'AUDIT_ARCHIVE_KEEP and AUDIT_ARCHIVE_LEGAL_HOLD need s3://: a folder locks no files.',
  )
}
