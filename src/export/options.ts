import { filterInvalid } from '../errors.ts'
import { checkFilter, type LogFilter, shown } from '../read/filter.ts'
import { EXPORT_FORMATS, type ExportFormat } from './formats.ts'
import { checkRange } from './range.ts'

export interface ExportOptions {
  /** @default 'ndjson' */
  readonly format?: ExportFormat | undefined
  /** Which entries. As in `timeline`, and `entityType` and `metadata` may stand alone. */
  readonly filter?: LogFilter | undefined
  /** The first number that may be in it. Default: the first of the log. */
  readonly fromSeq?: number | undefined
  /** The last number that may be in it. Default: the last of the log when the export begins. */
  readonly toSeq?: number | undefined
  /** `source` of the CloudEvents: a URI reference. @default '/audit-outbox' */
  readonly source?: string | undefined
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
  const { byteOrderMark = false } = options
  if (!EXPORT_FORMATS.includes(format)) {
    throw filterInvalid(`format must be one of ${EXPORT_FORMATS.join(', ')}, got ${shown(format)}.`)
  }
  if (typeof byteOrderMark !== 'boolean') {
    throw filterInvalid(`byteOrderMark must be true or false, got ${shown(byteOrderMark)}.`)
  }
  if (byteOrderMark && format !== 'csv') {
    throw filterInvalid(`byteOrderMark is for the format csv alone, got ${format}.`)
  }
  checkRange({ fromSeq, toSeq })
  if (typeof source !== 'string' || !/^[\w\-.~:/?#[\]@!$&'()*+,;=%]{1,256}$/.test(source)) {
    throw filterInvalid(
      `source must be a URI reference of up to 256 characters, got ${shown(source)}.`,
    )
  }
  const { conditions, described } = checkFilter(filter)
  return { format, filter, fromSeq, toSeq, source, byteOrderMark, conditions, described }
}
