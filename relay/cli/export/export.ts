import { Option } from 'commander'
import type { ExportFormat, LogFilter } from '../../../src/export/index.ts'
import { parseInstant } from '../../../src/read/instant.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { choiceOption, countOption, shown, textOption } from '../command/values.ts'

const FORMATS = {
  ndjson: 'one JSON object a line, every column as it is in the log',
  csv: 'RFC 4180; an apostrophe keeps text from being a formula; cells of at most 32,767 characters',
  ocsf: 'OCSF 1.4, class Entity Management, one JSON object a line',
  cloudevents: 'CloudEvents 1.0, one JSON object a line; see --source',
} as const satisfies Record<ExportFormat, string>

/** The options of the command, each as its parser gives it. */
interface ExportGiven {
  readonly out?: string
  readonly format: ExportFormat
  readonly gzip?: true
  readonly source?: string
  readonly byteOrderMark?: true
  readonly resume?: true
  readonly force?: true
  readonly quiet?: true
  readonly from?: number
  readonly to?: number
  readonly fromSeq?: number
  readonly toSeq?: number
  readonly event?: string
  readonly user?: string
  readonly target?: string
  readonly request?: string
  readonly action?: string
  readonly entityType?: string
  readonly metadata?: LogFilter['metadata']
}

export function exportCommand(host: Host): CliCommand {
  return new CliCommand('export', host, {
    summary: 'write the log, or a part of it, to a file',
    description:
      'Writes the log, or a part of it, to a file, in the order of seq. Until the file is complete ' +
      'it is called FILE.part. FILE.manifest.json says what is in it: see ' +
      '"audit-relay verify-export --help".',
    group: 'Export:',
    sections: { Formats: FORMATS },
    examples: {
      'everything since 1 November, compressed':
        'audit-relay export --out log.ndjson.gz --from 2026-11-01',
      'all actions on one kind of entity, for Excel':
        "audit-relay export --out branding.csv --format csv --byte-order-mark --action 'branding.*'",
      'continue an export that was interrupted': 'audit-relay export --out log.ndjson.gz --resume',
    },
    variables: ['DATABASE_URL', 'AUDIT_READER_DATABASE_URL'],
    exitCodes: {
      0: 'the file is complete and has its name',
      1: 'failed; the message says why, and --resume continues what was written',
      2: 'wrong options or settings, or a file is in the way',
      130: 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM); --resume continues what was written',
    },
  })
    .addOption(textOption('--out <file>', 'the file to write, required; "-" is standard output'))
    .addOption(choiceOption('--format <format>', 'see Formats below', Object.keys(FORMATS)))
    .option('--gzip', 'compress; a FILE that ends in .gz implies it')
    .addOption(textOption('--source <uri>', 'the source of CloudEvents (default: "/audit-outbox")'))
    .option('--byte-order-mark', 'begin a CSV so that Excel reads it as UTF-8')
    .addOption(
      new Option(
        '--resume',
        'continue FILE.part, with the options that it was begun with',
      ).conflicts([...WHICH, 'format', 'gzip', 'source', 'byteOrderMark', 'force']),
    )
    .option('--force', 'replace a FILE that exists')
    .option('--quiet', 'print no progress on standard error')
    .optionsGroup('Which entries (all of these must hold; default: the whole log):')
    .addOption(instantOption('--from <time>', 'recorded at or after this time'))
    .addOption(instantOption('--to <time>', 'recorded before this time'))
    .addOption(countOption('--from-seq <n>', 'with this seq or a higher one', { min: 0 }))
    .addOption(countOption('--to-seq <n>', 'with this seq or a lower one', { min: 0 }))
    .addOption(textOption('--event <uuid>', 'of this event'))
    .addOption(textOption('--user <uuid>', 'by this user'))
    .addOption(textOption('--target <uuid>', 'on this target'))
    .addOption(textOption('--request <id>', 'of this request'))
    .addOption(
      textOption('--action <action>', 'of this action; "branding.*" is all of one entity type'),
    )
    .addOption(textOption('--entity-type <type>', 'on this type of entity'))
    .addOption(
      new Option('--metadata <json>', 'whose metadata contain this JSON object').argParser(json),
    )
    .runs(async (given: ExportGiven) => {
      const { out, resume, quiet, force } = given
      if (out === undefined) throw misuse('Give --out <file>, or --out - for standard output.')
      const { from = 0, to = Infinity, fromSeq = 0, toSeq = Infinity } = given
      if (from >= to) throw misuse('--from must be before --to: nothing is in between.')
      if (fromSeq > toSeq) throw misuse('--from-seq must not be above --to-seq.')
      if (given.byteOrderMark && given.format !== 'csv') {
        throw misuse('--byte-order-mark is for --format csv.')
      }
      if (out === '-' && resume) throw misuse('Standard output cannot be resumed: give a file.')
      const { writeExport } = await import('./write-export.ts')
      return await writeExport(host.environment, {
        out,
        isQuiet: quiet === true,
        resume: resume === true,
        force: force === true,
        options: resume ? {} : optionsOf(given, out),
      })
    })
}

/** The options that say which entries. */
const WHICH = [
  'from',
  'to',
  'fromSeq',
  'toSeq',
  'event',
  'user',
  'target',
  'request',
  'action',
  'entityType',
  'metadata',
] as const satisfies (keyof ExportGiven)[]

function optionsOf(given: ExportGiven, out: string) {
  const { format, gzip, source, byteOrderMark, fromSeq, toSeq } = given
  const { event, user, target, request, action, entityType, metadata, from, to } = given
  const named = {
    eventId: event,
    userId: user,
    targetId: target,
    requestId: request,
    action,
    entityType,
    metadata,
    from,
    to,
  }
  const filter: LogFilter = Object.fromEntries(
    Object.entries(named).filter(([, value]) => value !== undefined),
  )
  const isGzip = gzip === true || out.endsWith('.gz')
  return { format, gzip: isGzip, source, byteOrderMark, fromSeq, toSeq, filter }
}

function instantOption(flags: string, says: string): Option {
  const option = new Option(flags, `${says}; 2026-11-22 or 2026-11-22T14:00Z`)
  return option.argParser((text) => {
    const ms = parseInstant(text)
    if (ms !== undefined) return ms
    throw misuse(
      `--${option.name()} must be a time such as 2026-11-22, 2026-11-22T14:00Z or ` +
        `2026-11-22T14:00:30.250+01:00, got "${shown(text)}".`,
    )
  })
}

function json(text: string): LogFilter['metadata'] {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as LogFilter['metadata']
    }
  } catch {
    // Said below.
  }
  throw misuse(`--metadata must be a JSON object such as '{"plan":"pro"}', got "${shown(text)}".`)
}
