import { existsSync } from 'node:fs'
import path from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { Database } from '../../../src/database/connection.ts'
import { AuditError, databaseFault } from '../../../src/errors.ts'
import { checkLetters } from '../../../src/export/about/letters.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { namesOf, readState } from '../../../src/export/part.ts'
import {
  type ExportManifest,
  type ExportOptions,
  type ExportRequest as Begun,
  type ExportToFileOptions,
  exportToFile,
  exportToStream,
} from '../../../src/export/index.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { NotProvedError } from '../../../src/seal/not-proved.ts'
import { type Environment, readConfig } from '../../config.ts'
import { ExportMeter } from './export-meter.ts'
import { noteAbout } from './note-about.ts'

const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const
const ALTERED = 5
const UNPROVED = 6

export interface ExportRequest {
  /** A path, or `-` for standard output. */
  readonly out: string
  readonly isQuiet: boolean
  readonly resume: boolean
  readonly force: boolean
  /** Whether the manifest goes to standard output. */
  readonly json: boolean
  /** Whether an export about a user looks through the dead letters, too. */
  readonly deadLetters: boolean
  /** Empty where an export is resumed: it goes on as it was begun. */
  readonly options: ExportOptions & { readonly gzip?: boolean }
}

/**
 * V8 takes memory to save work: an export that needs 75 MB had 160 MB on Node 20, and 290 MB on
 * Node 24. It is told not to, which costs half as much CPU again; the server is slower than that.
 */
function stayInLittleMemory(): void {
  setFlagsFromString('--semi-space-growth-factor=1')
  setFlagsFromString('--heap-growing-percent=50')
}

/** Writes an export until it is complete or a signal comes; the second signal quits at once. */
export async function writeExport(
  environment: Environment,
  request: ExportRequest,
): Promise<number> {
  const { out, isQuiet } = request
  stayInLittleMemory()
  const { databaseUrl } = readConfig(environment, 'reader')
  const db = new Database({
    url: databaseUrl,
    role: 'audit_reader',
    applicationName: 'audit-relay export',
    statementTimeoutMs: EXPORT_DEADLINE_MS,
    isReader: true,
  })
  const letters = await lettersFor(environment, request)
  const halt = new AbortController()
  let signalled: keyof typeof INTERRUPTED | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalled) process.exit(INTERRUPTED[signalled]) // the second one quits at once
    signalled = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
    halt.abort()
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  const meter = new ExportMeter(process.stderr, { isQuiet })
  try {
    const how = {
      ...request.options,
      signal: halt.signal,
      ...(letters ? { letters } : {}),
      onProgress: meter.progress,
      onBegin: async (begun: Begun) => {
        if (begun.about !== undefined) await noteAbout(databaseUrl, begun)
      },
      onFailure: (error: unknown) =>
        meter.note(`the database failed (${databaseFault(error).code})`),
    }
    const manifest = await write(db, request, how)
    meter.done(manifest)
    if (request.json) process.stdout.write(`${JSON.stringify(manifest)}\n`)
    return 0
  } catch (error) {
    meter.end()
    const canResume = hasPart(out) ? ` Continue with: audit-relay export --out ${out} --resume` : ''
    if (signalled) {
      process.stderr.write(`audit-relay: interrupted.${canResume}\n`)
      return INTERRUPTED[signalled]
    }
    if (error instanceof NotProvedError) {
      process.stderr.write(`audit-relay: ${error.message}${canResume}\n`)
      return error.kind === 'altered' ? ALTERED : UNPROVED
    }
    throw explained(error, out, canResume)
  } finally {
    await db.close()
    await letters?.close()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

/** Where dead letters are looked through, for an export about a user. */
async function lettersFor(
  environment: Environment,
  { out, resume, deadLetters, options }: ExportRequest,
): Promise<Database | undefined> {
  const about = resume ? (await readState(namesOf(out).state))?.request.about : options.about
  if (about === undefined || !deadLetters) return undefined
  const db = new Database({
    url: readConfig(environment, 'relay').databaseUrl,
    role: 'audit_relay',
    applicationName: 'audit-relay export',
    statementTimeoutMs: EXPORT_DEADLINE_MS,
    isReader: true,
  })
  try {
    await checkLetters(db)
    return db
  } catch (error) {
    await db.close()
    if (!(error instanceof AuditError)) throw error
    throw new AuditError(
      error.code,
      `Dead letters cannot be read, and they may name the user, too. ${error.message} Set ` +
        'AUDIT_RELAY_DATABASE_URL to a login with audit_relay, or give --no-dead-letters.',
      error.fault,
      error.hint,
    )
  }
}

function write(
  db: Database,
  { out, force, resume }: ExportRequest,
  options: Omit<ExportToFileOptions, 'out' | 'force' | 'resume'>,
): Promise<ExportManifest> {
  if (out === '-') return exportToStream(db, process.stdout, options)
  return exportToFile(db, { ...options, force, resume, out })
}

/** What the library calls the options of the command. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  eventId: '--event',
  userId: '--user',
  targetId: '--target',
  moreTargets: '--also-on',
  actorId: '--actor',
  actorKind: '--actor-kind',
  outcome: '--outcome',
  requestId: '--request',
  action: '--action',
  entityType: '--entity-type',
  metadata: '--metadata',
  source: '--source',
  proofs: '--proofs',
  fromSeq: '--from-seq',
  about: '--about',
}

/** What the library calls them in a sentence about what to do. */
const CURES: Readonly<Record<string, string>> = {
  'set "force"': 'give --force',
  'set "resume"': 'give --resume',
  'or "force"': 'or --force',
}

/** Whether there is an unfinished export to continue, and where it was. */
function hasPart(out: string): boolean {
  return out !== '-' && existsSync(namesOf(out).part) && existsSync(namesOf(out).state)
}

/** What the command throws: with its own names of options, and what to do next. */
function explained(error: unknown, out: string, canResume: string): unknown {
  if (error instanceof AuditError) {
    const { code, message, fault, hint } = error
    if (code === 'AUDIT_OPTION_INVALID') return error
    if (code !== 'AUDIT_FILTER_INVALID') {
      return new AuditError(code, message + canResume, fault, hint)
    }
    const named = message.replace(/^\w+/, (name) => OPTION_NAMES[name] ?? name)
    return new AuditError(
      code,
      Object.entries(CURES).reduce((text, [from, to]) => text.replace(from, to), named),
    )
  }
  const code = fileCode(error)
  if (code === undefined) return error
  const what = `${whatFailed(error, code, out)} ${fileWords(code)}`
  return new AuditError(
    'AUDIT_DATABASE_FAILED',
    `The export cannot be written: ${what}.${canResume}`,
  )
}

/** Codes that speak of the folder where the file itself is not there yet. */
const OF_FOLDER = /^(?:ENOENT|EACCES|EPERM|EROFS|ENOSPC|EDQUOT)$/

function whatFailed(error: unknown, code: string, out: string): string {
  if (out === '-') return 'Standard output'
  const at: unknown = Reflect.get(Object(error), 'path')
  const isFolder = OF_FOLDER.test(code) && typeof at === 'string' && !existsSync(at)
  return isFolder ? `the folder ${path.dirname(path.resolve(at))}` : out
}
