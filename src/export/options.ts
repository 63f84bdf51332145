import { filterInvalid } from '../errors.ts'
import { recordedMs } from '../ids/uuid7.ts'
import { type CheckedFilter, checkFilter, type LogFilter } from '../read/filter.ts'
import { hidesParts } from '../projection/projection.ts'
import { shown } from '../read/filter-values.ts'
import type { AuditId } from '../entry.ts'
import { checkAbout, withAbout } from './about/reasons.ts'
import { EXPORT_FORMATS, type ExportFormat } from './formats.ts'
import { checkRange } from './range.ts'

export interface ExportOptions {
  /** @default 'ndjson' */
  readonly format?: ExportFormat | undefined
  /** Which entries. As in `timeline`, and `entityType` and `metadata` may stand alone. */
  readonly filter?: LogFilter | undefined
  /**
   * Only entries that name this user anywhere: as `user_id`, `actor_id`, `target_id` or in
   * `more_targets`, or in `metadata` or `context` at any depth. Each line says where, as `about`. For
   * `ndjson` and `csv`. Metadata and context have no index, so the whole range is read.
   */
  readonly about?: AuditId | undefined
  /** The first number that may be in it. Default: the first of the log. */
  readonly fromSeq?: number | undefined
  /** The last number that may be in it. Default: the last of the log when the export begins. */
  readonly toSeq?: number | undefined
  /** `source` of the CloudEvents: a URI reference. @default '/audit-outbox' */
  readonly source?: string | undefined
  /**
   * Whether each line opens its leaf in the seal, and the manifest holds what proves all of them. For
   * `ndjson` and a file. Entries that are not sealed yet are left out: `throughSeq` says where it
   * ends. @default false
   */
  readonly proofs?: boolean | undefined
  /** Begins a CSV with a byte order mark, without which Excel does not read UTF-8. @default false */
  readonly byteOrderMark?: boolean | undefined
  /** Ends the export in the middle, with the signal's own reason as the error. */
  readonly signal?: AbortSignal | undefined
  /** Told each time that the database could not be read. After a minute of that the export fails. */
  readonly onFailure?: ((error: unknown) => void) | undefined
}

/** The options with their defaults, each checked. @throws {AuditError} `AUDIT_FILTER_INVALID` */
export function checkExport(options: ExportOptions) {
  const { format = 'ndjson', filter = {}, fromSeq, toSeq, source = '/audit-outbox' } = options
  const { byteOrderMark = false, proofs = false } = options
  if (!EXPORT_FORMATS.includes(format)) {
    throw filterInvalid(`format must be one of ${EXPORT_FORMATS.join(', ')}, got ${shown(format)}.`)
  }
  if (typeof byteOrderMark !== 'boolean') {
    throw filterInvalid(`byteOrderMark must be true or false, got ${shown(byteOrderMark)}.`)
  }
  if (byteOrderMark && format !== 'csv') {
    throw filterInvalid(`byteOrderMark is for the format csv alone, got ${format}.`)
  }
  if (typeof proofs !== 'boolean') {
    throw filterInvalid(`proofs must be true or false, got ${shown(proofs)}.`)
  }
  if (proofs && (format !== 'ndjson' || options.about !== undefined)) {
    throw filterInvalid(
      'proofs is for the format ndjson alone, and not for an export about a user.',
    )
  }
  checkRange({ fromSeq, toSeq })
  if (typeof source !== 'string' || !/^[\w\-.~:/?#[\]@!$&'()*+,;=%]{1,256}$/.test(source)) {
    throw filterInvalid(
      `source must be a URI reference of up to 256 characters, got ${shown(source)}.`,
    )
  }
  const about = checkAbout(options.about, format)
  const checked = withAbout(checkFilter(filter), about)
  if (filter.seenBy !== undefined && options.about !== undefined) {
    throw filterInvalid('about is for readers who see the whole log, not with seenBy.')
  }
  if (proofs && hidesParts(filter.seenBy ?? {})) {
    throw filterInvalid('proofs show whole entries: seenBy may hide nothing of them.')
  }
  const times = timesIn(checked)
  const hasNames = filter.seenBy?.staffAs !== undefined
  return { format, times, about, fromSeq, toSeq, source, byteOrderMark, proofs, hasNames, checked }
}

/** The times of a filter and of its query together. */
function timesIn({ range: { fromId, toId } }: CheckedFilter): Pick<LogFilter, 'from' | 'to'> {
  return {
    ...(fromId === undefined ? {} : { from: recordedMs(fromId) }),
    ...(toId === undefined ? {} : { to: recordedMs(toId) }),
  }
}
