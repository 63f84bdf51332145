import { Option } from 'commander'
import type { ExportFormat, LogFilter } from '../../../src/export/index.ts'
import { ACTOR_KINDS, OUTCOMES } from '../../../src/entry.ts'
import { type LogQuery, problemText } from '../../../src/query/log-query.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import {
  choiceOption,
  countOption,
  instantOption,
  jsonOption,
  shown,
  textOption,
  wordOption,
} from '../command/values.ts'

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
  readonly proofs?: true
  readonly resume?: true
  readonly force?: true
  readonly quiet?: true
  readonly json?: true
  readonly about?: string
  readonly deadLetters: boolean
  readonly from?: number
  readonly to?: number
  readonly fromSeq?: number
  readonly toSeq?: number
  readonly event?: string
  readonly user?: string
  readonly target?: string
  readonly alsoOn?: string
  readonly actor?: string
  readonly actorKind?: LogFilter['actorKind']
  readonly outcome?: LogFilter['outcome']
  readonly request?: string
  readonly action?: string
  readonly entityType?: string
  readonly metadata?: LogFilter['metadata']
  readonly query?: string
  readonly zone?: string
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
      'all that the log holds about a user, for a request of that person':
        'audit-relay export --out about-ada.ndjson --about 7f9c24e8-3b12-4a91-9d8e-5c6f7a8b9c0d',
      'a year that an auditor can check without you':
        'audit-relay export --out 2026.ndjson.gz --proofs --from 2026-01-01 --to 2027-01-01',
      'what a query line finds, as on the page': `audit-relay export --out refunds.csv --format csv --query 'action:refund.* after:"3 May"'`,
      'continue an export that was interrupted': 'audit-relay export --out log.ndjson.gz --resume',
    },
    variables: ['DATABASE_URL', 'AUDIT_READER_DATABASE_URL', 'AUDIT_RELAY_DATABASE_URL'],
    exitCodes: {
      0: 'the file is complete and has its name',
      1: 'failed; the message says why, and --resume continues what was written',
      2: 'wrong options or settings, or a file is in the way',
      5: 'with --proofs: an entry is not what was sealed; the message names it',
      6: 'with --proofs: the log is not sealed, or not as far as --to-seq',
      130: 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM); --resume continues what was written',
    },
  })
    .addOption(textOption('--out <file>', 'the file to write, required; "-" is standard output'))
    .addOption(choiceOption('--format <format>', 'see Formats below', Object.keys(FORMATS)))
    .option('--gzip', 'compress; a FILE that ends in .gz implies it')
    .addOption(textOption('--source <uri>', 'the source of CloudEvents (default: "/audit-outbox")'))
    .option('--byte-order-mark', 'begin a CSV so that Excel reads it as UTF-8')
    .option(
      '--proofs',
      'open the leaf of each entry in the seal, and write what proves all of them; ndjson. Entries ' +
        'that are not sealed yet are left out',
    )
    .addOption(
      new Option(
        '--resume',
        'continue FILE.part, with the options that it was begun with',
      ).conflicts([...WHICH, 'format', 'gzip', 'source', 'byteOrderMark', 'proofs', 'force']),
    )
    .option('--force', 'replace a FILE that exists')
    .option('--quiet', 'print no progress on standard error')
    .addOption(jsonOption())
    .optionsGroup('Which entries (all of these must hold; default: the whole log):')
    .addOption(
      textOption(
        '--about <id>',
        'that name this user anywhere: in a column, or in metadata or context at any depth; ' +
          'ndjson and csv',
      ),
    )
    .option(
      '--no-dead-letters',
      'with --about: leave out dead letters, which need a login with audit_relay',
    )
    .addOption(instantOption('--from <time>', 'recorded at or after this time'))
    .addOption(instantOption('--to <time>', 'recorded before this time'))
    .addOption(countOption('--from-seq <n>', 'with this seq or a higher one', { min: 0 }))
    .addOption(countOption('--to-seq <n>', 'with this seq or a lower one', { min: 0 }))
    .addOption(textOption('--event <id>', 'of this event'))
    .addOption(textOption('--user <id>', 'by this user'))
    .addOption(textOption('--target <id>', 'on this target'))
    .addOption(textOption('--also-on <id>', 'on this target, beyond the first'))
    .addOption(textOption('--actor <id>', 'by this actor, who is not the user'))
    .addOption(wordOption('--actor-kind <kind>', 'by an actor of this kind', ACTOR_KINDS))
    .addOption(wordOption('--outcome <outcome>', 'with this outcome', OUTCOMES))
    .addOption(textOption('--request <id>', 'of this request'))
    .addOption(
      textOption('--action <action>', 'of this action; "branding.*" is all of one entity type'),
    )
    .addOption(textOption('--entity-type <type>', 'on this type of entity'))
    .addOption(
      new Option('--metadata <json>', 'whose metadata contain this JSON object').argParser(json),
    )
    .addOption(textOption('--query <text>', 'that this query line finds: words and qualifiers'))
    .addOption(textOption('--zone <name>', 'the time zone of --query (default: "UTC")'))
    .runs(async (given: ExportGiven) => {
      const { out, resume, quiet, force } = given
      if (out === undefined) throw misuse('Give --out <file>, or --out - for standard output.')
      const { from = 0, to = Infinity, fromSeq = 0, toSeq = Infinity } = given
      if (from >= to) throw misuse('--from must be before --to: nothing is in between.')
      if (fromSeq > toSeq) throw misuse('--from-seq must not be above --to-seq.')
      if (given.byteOrderMark && given.format !== 'csv') {
        throw misuse('--byte-order-mark is for --format csv.')
      }
      if (given.proofs && (given.format !== 'ndjson' || given.about !== undefined)) {
        throw misuse('--proofs is for --format ndjson, and not for --about.')
      }
      if (out === '-' && given.proofs) throw misuse('--proofs needs a file: give --out <file>.')
      if (out === '-' && given.json) throw misuse('--json goes to standard output: give a file.')
      if (out === '-' && given.about !== undefined) {
        throw misuse('--about makes more than one file: give --out <file>.')
      }
      if (given.about !== undefined && given.format !== 'ndjson' && given.format !== 'csv') {
        throw misuse('--about is for --format ndjson and csv.')
      }
      if (!given.deadLetters && given.about === undefined && !resume) {
        throw misuse('--no-dead-letters goes with --about.')
      }
      if (given.zone !== undefined && given.query === undefined) {
        throw misuse('--zone is for the times of --query.')
      }
      if (out === '-' && resume) throw misuse('Standard output cannot be resumed: give a file.')
      const { writeExport } = await import('./write-export.ts')
      return await writeExport(host.environment, {
        out,
        isQuiet: quiet === true,
        json: given.json === true,
        deadLetters: given.deadLetters,
        resume: resume === true,
        force: force === true,
        options: resume ? {} : await optionsOf(given, out),
      })
    })
}

/** The options that say which entries. */
const WHICH = [
  'about',
  'from',
  'to',
  'fromSeq',
  'toSeq',
  'event',
  'user',
  'target',
  'alsoOn',
  'actor',
  'actorKind',
  'outcome',
  'request',
  'action',
  'entityType',
  'metadata',
  'query',
  'zone',
] as const satisfies (keyof ExportGiven)[]

async function optionsOf(given: ExportGiven, out: string) {
  const { format, gzip, source, byteOrderMark, proofs, about, fromSeq, toSeq } = given
  const { event, user, target, request, action, entityType, metadata, from, to } = given
  const { alsoOn, actor, actorKind, outcome } = given
  const named = {
    eventId: event,
    userId: user,
    targetId: target,
    moreTargets: alsoOn,
    actorId: actor,
    actorKind,
    outcome,
    requestId: request,
    action,
    entityType,
    metadata,
    from,
    to,
    query: given.query === undefined ? undefined : await readQuery(given.query, given.zone),
  }
  const filter: LogFilter = Object.fromEntries(
    Object.entries(named).filter(([, value]) => value !== undefined),
  )
  const isGzip = gzip === true || out.endsWith('.gz')
  return { format, gzip: isGzip, source, byteOrderMark, proofs, about, fromSeq, toSeq, filter }
}

/** A file says what was asked for, so a query line is understood whole, or nothing is written. */
async function readQuery(text: string, zone: string | undefined): Promise<LogQuery> {
  const { parseQuery } = await import('../../../src/query/parse-query.ts')
  const { zoneNamed } = await import('../../../src/query/zone.ts')
  if (zone !== undefined && zoneNamed(zone) === undefined) {
    throw misuse(`--zone must be a time zone such as Europe/Berlin, got "${shown(zone)}".`)
  }
  const query = parseQuery(text, { zone })
  const [problem] = query.problems
  if (problem !== undefined) throw misuse(`--query is not understood. ${problemText(problem)}`)
  return query
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
