import { setFlagsFromString } from 'node:v8'
import { Database } from '../../../src/database/connection.ts'
import { AuditError, databaseFault } from '../../../src/errors.ts'
import {
  EXPORT_FORMATS,
  type ExportFormat,
  type ExportManifest,
  exportToFile,
  exportToStream,
  type LogFilter,
} from '../../../src/export/index.ts'
import { parseInstant } from '../../../src/read/instant.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { type Command, countOf, type Given, misuse, textOf } from '../command.ts'
import { readConfig } from '../../config.ts'
import { ExportMeter } from './export-meter.ts'

const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const

/** The options that make a filter, and what they are called there. */
const FILTER_OPTIONS = {
  event: 'eventId',
  user: 'userId',
  target: 'targetId',
  request: 'requestId',
  action: 'action',
  'entity-type': 'entityType',
} as const
const TEXT = { type: 'string' } as const
const FLAG = { type: 'boolean' } as const
const WHAT = [...Object.keys(FILTER_OPTIONS), 'metadata', 'from', 'to', 'from-seq', 'to-seq']
const HOW = ['format', 'gzip', 'source']

export const exportCommand: Command = {
  options: {
    ...Object.fromEntries([...WHAT, 'format', 'source', 'out'].map((name) => [name, TEXT])),
    ...Object.fromEntries(['gzip', 'force', 'resume', 'quiet'].map((name) => [name, FLAG])),
  },
  usage: `
  audit-relay export --out FILE  write the log, or a part of it, to a file
      --help                     formats, filters, how to go on with an unfinished one
`.trimEnd(),
  help,
  run,
}

function help(): string {
  return `audit-relay export: writes the log, or a part of it, in the order of seq

  audit-relay export --out FILE [--format FORMAT] [what] [how]
  audit-relay export --out FILE --resume

  --out FILE          the file to make; "-" is standard output. Until it is whole it is FILE.part.
                      FILE.manifest.json says what is in it; see "audit-relay verify-export".
  --format FORMAT     ndjson       the faithful one, and the default: a JSON object to a line
                      csv          RFC 4180; no cell can become a formula in a spreadsheet, for
                                   which some text is marked with an apostrophe
                      ocsf         OCSF 1.2, class Entity Management, a JSON object to a line
                      cloudevents  CloudEvents 1.0, a JSON object to a line; --source URI

What (all of it must hold; without any of it the whole log, as of now)
  --from TIME         recorded at or after it: 2026-11-22, 2026-11-22T14:00Z, …T14:00:00.250+01:00
  --to TIME           recorded before it
  --from-seq N        from this number of the log on
  --to-seq N          up to and with this number
  --event UUID  --user UUID  --target UUID  --request ID  --entity-type TYPE
  --action ACTION     one action, branding.update, or all of an entity, "branding.*"
  --metadata JSON     metadata that contain this object

How
  --gzip              compress; so does a FILE that ends in .gz
  --resume            go on with FILE.part; what it was begun with holds
  --force             replace what is there
  --quiet             no progress on standard error

Environment
  AUDIT_READER_DATABASE_URL or DATABASE_URL: a login that was granted audit_reader

Exit codes
  0    the file is whole and has its name
  1    failed; what was written can be resumed
  2    wrong options, or a file is in the way
  130  interrupted by Ctrl-C (143: by SIGTERM); what was written can be resumed
`
}

/**
 * V8 takes memory to save work: an export that needs 75 MB had 160 MB on Node 20, and 290 MB on
 * Node 24. It is told not to, which costs half as much CPU again; the server is slower than that.
 */
function stayInLittleMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=50')
}

async function run(given: Given): Promise<number> {
  const { values } = given
  stayInLittleMemory()
  const out = textOf(given, 'out')
  if (!out) throw misuse('Where to? --out FILE, or --out - for standard output.')
  const options = readOptions(given)
  const { databaseUrl } = readConfig(given.environment, 'reader')
  const db = new Database({
    url: databaseUrl,
    applicationName: 'audit-relay export',
    statementTimeoutMs: EXPORT_DEADLINE_MS,
    isReader: true,
  })
  const halt = new AbortController()
  let signalled: keyof typeof INTERRUPTED | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalled) process.exit(INTERRUPTED[signalled]) // the second one quits at once
    signalled = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    halt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const meter = new ExportMeter(process.stderr, { isQuiet: values['quiet'] === true })
  try {
    const how = {
      ...options,
      signal: halt.signal,
      onProgress: meter.progress,
      onFailure: (error: unknown) =>
        meter.note(`the database failed (${databaseFault(error).code})`),
    }
    meter.done(await write(db, out, how, values))
    return 0
  } catch (error) {
    meter.end()
    const canResume = out === '-' ? '' : ` Go on with: audit-relay export --out ${out} --resume`
    if (signalled) {
      process.stderr.write(`audit-relay: interrupted.${canResume}\n`)
      return INTERRUPTED[signalled]
    }
    throw explained(error, canResume)
  } finally {
    await db.close()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

function write(
  db: Database,
  out: string,
  options: Parameters<typeof exportToStream>[2],
  { force, resume }: Given['values'],
): Promise<ExportManifest> {
  if (out === '-') return exportToStream(db, process.stdout, options)
  const flags = { force: force === true, resume: resume === true }
  return exportToFile(db, { ...options, ...flags, out })
}

function readOptions(given: Given) {
  const { values } = given
  const out = textOf(given, 'out') ?? ''
  if (values['resume'] === true) {
    const surplus = [...WHAT, ...HOW, 'force'].find((name) => values[name] !== undefined)
    if (surplus)
      throw misuse(`--${surplus} does not go with --resume: what it was begun with holds.`)
    if (out === '-') throw misuse('Standard output cannot be resumed.')
    return {}
  }
  return {
    format: formatOf(textOf(given, 'format') ?? 'ndjson'),
    gzip: values['gzip'] === true || out.endsWith('.gz'),
    fromSeq: countOf(given, 'from-seq', 0),
    toSeq: countOf(given, 'to-seq', 0),
    filter: filterOf(given),
    source: textOf(given, 'source'),
  }
}

function formatOf(text: string): ExportFormat {
  const format = EXPORT_FORMATS.find((known) => known === text)
  if (format) return format
  throw misuse(`--format must be one of ${EXPORT_FORMATS.join(', ')}, got "${text.slice(0, 40)}".`)
}

function filterOf(given: Given): LogFilter {
  const named = Object.entries(FILTER_OPTIONS).map(([option, name]) => [
    name,
    textOf(given, option),
  ])
  return {
    ...Object.fromEntries(named.filter(([, value]) => value !== undefined)),
    from: instantOf('from', textOf(given, 'from')),
    to: instantOf('to', textOf(given, 'to')),
    metadata: jsonOf(textOf(given, 'metadata')),
  }
}

function instantOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const ms = parseInstant(text)
  if (ms !== undefined) return ms
  throw misuse(`--${name} must be a time such as 2026-11-22T14:00Z, got "${text.slice(0, 40)}".`)
}

function jsonOf(text: string | undefined): LogFilter['metadata'] {
  if (text === undefined) return undefined
  try {
    return JSON.parse(text) as LogFilter['metadata']
  } catch {
    throw misuse('--metadata must be a JSON object.')
  }
}

/** A file that cannot be written is nobody's bug: its error says what to do. */
function explained(error: unknown, canResume: string): unknown {
  if (error instanceof AuditError) {
    const isMisuse = error.code === 'AUDIT_FILTER_INVALID' || error.code === 'AUDIT_OPTION_INVALID'
    return isMisuse ? error : new AuditError(error.code, error.message + canResume, error.fault)
  }
  const code: unknown = Reflect.get(Object(error), 'syscall') && Reflect.get(Object(error), 'code')
  if (typeof code !== 'string') return error
  return new AuditError(
    'AUDIT_DATABASE_FAILED',
    `The export cannot be written (${code}).${canResume}`,
  )
}
