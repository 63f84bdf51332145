import fs from 'node:fs/promises'
import { Database } from '../../../src/database/connection.ts'
import { AuditError, optionInvalid } from '../../../src/errors.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { parsePolicy } from '../../../src/seal/policy.ts'
import { type Environment, readConfig } from '../../config.ts'
import { notesOf } from '../../seal/anchors/notes-file.ts'
import { verifyLog } from '../../seal/verify/verify-log.ts'
import type { VerifyProgress } from '../../seal/verify/verify-report.ts'
import { ArchiveMeter } from '../archive/archive-meter.ts'
import { untilSignal } from '../archive/until-signal.ts'
import { say } from '../command/say.ts'
import { verdictLines } from './verdict-lines.ts'

export interface VerifyFlags {
  readonly policy?: string
  readonly anchor?: string
  readonly since?: string
  /** In how many parts. */
  readonly sample?: number
  readonly maxLag?: number
  readonly json?: true
  readonly quiet?: true
}

const DAY_MS = 86_400_000

/** Verifies the log and prints what was found. @returns the exit code that it means */
export async function runVerify(environment: Environment, flags: VerifyFlags): Promise<number> {
  const { databaseUrl } = readConfig(environment, 'reader')
  const policy = await readPolicy(flags.policy)
  const since = flags.since === undefined ? undefined : await read('--since', flags.since)
  if (flags.anchor !== undefined) await open('--anchor', flags.anchor)
  const of = flags.sample
  const db = new Database({
    url: databaseUrl,
    role: 'audit_reader',
    applicationName: 'audit-relay verify',
    statementTimeoutMs: EXPORT_DEADLINE_MS,
    isReader: true,
  })
  return await untilSignal(async (signal) => {
    const meter = new ArchiveMeter(process.stderr, { isQuiet: flags.quiet === true })
    try {
      const report = await verifyLog(db, {
        ...{ policy, since, signal, maxLagMs: flags.maxLag },
        anchor: flags.anchor === undefined ? undefined : notesOf(flags.anchor),
        sample: of === undefined ? undefined : { turn: Math.floor(Date.now() / DAY_MS) % of, of },
        onProgress: (progress) => meter.now(progressText(progress)),
      })
      meter.end()
      const { counted: _, ...shown } = report
      say(flags.json === true, shown, verdictLines(report))
      return report.code
    } finally {
      meter.end()
      await db.close()
    }
  })
}

function progressText({ read: done, total }: VerifyProgress): string {
  return `${done} of ${total} entries read`
}

/** A policy that cannot be read is a wrong option, and no finding about the log. */
async function readPolicy(file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined
  const text = await read('--policy', file)
  try {
    parsePolicy(text)
    return text
  } catch (error) {
    if (error instanceof AuditError) throw optionInvalid(`--policy ${file}: ${error.message}`)
    throw error
  }
}

async function read(option: string, file: string): Promise<string> {
  return await unlessMissing(option, file, () => fs.readFile(file, 'utf8'))
}

/** Notices a missing file before anything is read of the log. */
async function open(option: string, file: string): Promise<void> {
  await unlessMissing(option, file, async () => {
    const handle = await fs.open(file, 'r')
    const isFolder = await handle.stat().then((stat) => stat.isDirectory())
    await handle.close()
    if (isFolder) throw optionInvalid(`${option}: ${file} is a folder, and no file of checkpoints.`)
  })
}

async function unlessMissing<T>(option: string, file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = fileCode(error)
    if (code === undefined) throw error
    throw optionInvalid(`${option}: ${file} ${fileWords(code)}.`)
  }
}
