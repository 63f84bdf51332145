import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { Database } from '../../../src/database/connection.ts'
import { optionInvalid } from '../../../src/errors.ts'
import { proveEntries } from '../../../src/export/prove-entry.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import { NotProvedError } from '../../../src/seal/not-proved.ts'
import { type Environment, readConfig } from '../../config.ts'
import { ExportMeter } from './export-meter.ts'

export interface ProofRequest {
  readonly seqs: readonly number[]
  /** A file that names more. */
  readonly file: string | undefined
  /** A folder; undefined: standard output. */
  readonly out: string | undefined
  readonly isQuiet: boolean
  readonly json: boolean
}

const ALTERED = 5
const UNPROVED = 6
const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const
/** A proof shows an entry, which only its reader may see. */
const PRIVATE_FILE = 0o600
const PRIVATE_FOLDER = 0o700

/** Proves entries one after the other. @returns the exit code */
export async function writeProofs(
  environment: Environment,
  { seqs, file, out, isQuiet, json }: ProofRequest,
): Promise<number> {
  const wanted = [...seqs, ...(file === undefined ? [] : await seqsIn(file))]
  const { databaseUrl } = readConfig(environment, 'reader')
  const db = new Database({
    url: databaseUrl,
    role: 'audit_reader',
    applicationName: 'audit-relay prove',
    statementTimeoutMs: EXPORT_DEADLINE_MS,
    isReader: true,
  })
  const meter = new ExportMeter(process.stderr, { isQuiet })
  const written: number[] = []
  let bytes = 0
  let signalled: keyof typeof INTERRUPTED | undefined
  const onSignal = (signal: NodeJS.Signals) => {
    if (signalled) process.exit(INTERRUPTED[signalled]) // the second one quits at once
    signalled = signal === 'SIGINT' ? 'SIGINT' : 'SIGTERM'
  }
  process.on('SIGINT', onSignal)
  process.on('SIGTERM', onSignal)
  try {
    for await (const { seq, line, proof } of proveEntries(db, wanted)) {
      if (out === undefined) process.stdout.write(`${line}${proof}`)
      else await writeBoth(out, { seq, line, proof })
      written.push(seq)
      bytes += line.length + proof.length
      meter.progress({ rows: written.length, bytes, share: written.length / wanted.length })
      if (signalled) {
        process.stderr.write(
          `audit-relay: interrupted; entries that were proved until then: ${written.length}.\n`,
        )
        return INTERRUPTED[signalled]
      }
    }
    meter.end()
    if (json) process.stdout.write(`${JSON.stringify({ proved: written, folder: out })}\n`)
    else if (!isQuiet) {
      const what = written.length === 1 ? '1 entry is' : `${written.length} entries are`
      process.stderr.write(`${what} proved in ${out}\n`)
    }
    return 0
  } catch (error) {
    meter.end()
    if (!(error instanceof NotProvedError)) throw error
    process.stderr.write(`audit-relay: ${error.message}\n`)
    return error.kind === 'altered' ? ALTERED : UNPROVED
  } finally {
    await db.close()
    process.off('SIGINT', onSignal)
    process.off('SIGTERM', onSignal)
  }
}

async function writeBoth(
  folder: string,
  { seq, line, proof }: { readonly seq: number; readonly line: string; readonly proof: string },
): Promise<void> {
  try {
    await fs.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER })
    for (const [name, text] of [
      [`${seq}.ndjson`, line],
      [`${seq}.tlog-proof`, proof],
    ] as const) {
      await fs.writeFile(path.join(folder, name), text, { mode: PRIVATE_FILE })
    }
  } catch (error) {
    const code = fileCode(error)
    throw code === undefined ? error : optionInvalid(`--out ${folder} ${fileWords(code)}.`)
  }
}

/** The entries that a file names: by the lines of an NDJSON export, or by a number on each line. */
async function seqsIn(file: string): Promise<readonly number[]> {
  const seqs: number[] = []
  try {
    for await (const line of createInterface({ input: createReadStream(file) })) {
      if (line === '') continue
      const [, digits] = /^(?:\{"seq":)?(\d{1,16})(?:,|$)/.exec(line) ?? []
      if (digits === undefined || !Number.isSafeInteger(Number(digits))) {
        throw optionInvalid(
          `${file}: line ${seqs.length + 1} is neither a line of an NDJSON export nor a seq.`,
        )
      }
      seqs.push(Number(digits))
    }
  } catch (error) {
    const code = fileCode(error)
    throw code === undefined ? error : optionInvalid(`${file} ${fileWords(code)}.`)
  }
  if (seqs.length === 0) throw optionInvalid(`${file} names no entry.`)
  return seqs
}
