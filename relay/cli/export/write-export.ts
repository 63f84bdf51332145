import { setFlagsFromString } from 'node:v8'
import { Database } from '../../../src/database/connection.ts'
import { AuditError, databaseFault } from '../../../src/errors.ts'
import {
  type ExportManifest,
  type ExportOptions,
  exportToFile,
  exportToStream,
} from '../../../src/export/index.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { type Environment, readConfig } from '../../config.ts'
import { ExportMeter } from './export-meter.ts'

const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const

export interface ExportRequest {
  /** A path, or `-` for standard output. */
  readonly out: string
  readonly isQuiet: boolean
  readonly resume: boolean
  readonly force: boolean
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
  const meter = new ExportMeter(process.stderr, { isQuiet })
  try {
    const how = {
      ...request.options,
      signal: halt.signal,
      onProgress: meter.progress,
      onFailure: (error: unknown) =>
        meter.note(`the database failed (${databaseFault(error).code})`),
    }
    meter.done(await write(db, request, how))
    return 0
  } catch (error) {
    meter.end()
    const canResume = out === '-' ? '' : ` Continue with: audit-relay export --out ${out} --resume`
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
  { out, force, resume }: ExportRequest,
  options: Parameters<typeof exportToStream>[2],
): Promise<ExportManifest> {
  if (out === '-') return exportToStream(db, process.stdout, options)
  return exportToFile(db, { ...options, force, resume, out })
}

/** What the library calls the options of the command. */
const OPTION_NAMES: Readonly<Record<string, string>> = {
  eventId: '--event',
  userId: '--user',
  targetId: '--target',
  requestId: '--request',
  action: '--action',
  entityType: '--entity-type',
  metadata: '--metadata',
  source: '--source',
}

/** What the command throws: with its own names of options, and what to do next. */
function explained(error: unknown, canResume: string): unknown {
  if (error instanceof AuditError) {
    const { code, message, fault } = error
    if (code === 'AUDIT_OPTION_INVALID') return error
    if (code !== 'AUDIT_FILTER_INVALID') return new AuditError(code, message + canResume, fault)
    return new AuditError(
      code,
      message.replace(/^\w+/, (name) => OPTION_NAMES[name] ?? name),
    )
  }
  const code: unknown = Reflect.get(Object(error), 'syscall') && Reflect.get(Object(error), 'code')
  if (typeof code !== 'string') return error
  return new AuditError(
    'AUDIT_DATABASE_FAILED',
    `The export cannot be written (${code}).${canResume}`,
  )
}
