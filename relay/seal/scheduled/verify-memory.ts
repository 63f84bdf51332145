import fs from 'node:fs/promises'
import path from 'node:path'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { optionInvalid } from '../../../src/errors.ts'
import type { Counted } from '../verify/accounts.ts'

/** What the scheduled runs of verify remember, outside of the database. */
export interface VerifyMemory {
  /** When the last run ended, in Unix milliseconds. */
  readonly ranMs: number
  /** When the last one ended that proved the log. Null: none has. */
  readonly provedMs: number | null
  /** The newest checkpoint of that run, from which the next one goes on. */
  readonly note?: string | undefined
  readonly counted?: Counted | undefined
  /** Which part of the older entries the next run reads. */
  readonly turn: number
}

export const VERIFY_FILE = 'verify.json'
const NEW: VerifyMemory = { ranMs: 0, provedMs: null, turn: 0 }

/** Keeps the memory in a file of a folder, so that a crash leaves the one or the other, and never half. */
export class VerifyMemoryFile {
  readonly #folder: string

  constructor(folder: string) {
    this.#folder = folder
  }

  /** What is no memory of ours is forgotten: the next run reads all entries. */
  async load(): Promise<VerifyMemory> {
    const text = await this.#unlessUnusable(() =>
      fs.readFile(this.#file, 'utf8').catch((error: unknown) => {
        if (fileCode(error) === 'ENOENT') return ''
        throw error
      }),
    )
    return parsed(text) ?? NEW
  }

  async save(memory: VerifyMemory): Promise<void> {
    await this.#unlessUnusable(async () => {
      await fs.mkdir(this.#folder, { recursive: true, mode: 0o700 })
      const handle = await fs.open(`${this.#file}.new`, 'w', 0o600)
      try {
        await handle.writeFile(JSON.stringify(memory))
        await handle.sync()
      } finally {
        await handle.close()
      }
      await fs.rename(`${this.#file}.new`, this.#file)
    })
  }

  get #file(): string {
    return path.join(this.#folder, VERIFY_FILE)
  }

  async #unlessUnusable<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const code = fileCode(error)
      if (code === undefined) throw error
      throw optionInvalid(`AUDIT_STATE_DIR: ${VERIFY_FILE} in ${this.#folder} ${fileWords(code)}.`)
    }
  }
}

function parsed(text: string): VerifyMemory | undefined {
  try {
    const { ranMs, provedMs, note, counted, turn } = JSON.parse(text) as VerifyMemory
    const isTime = Number.isFinite(ranMs) && (provedMs === null || Number.isFinite(provedMs))
    const isCount =
      counted === undefined ||
      [counted.throughSeq, counted.present, counted.missing].every(Number.isSafeInteger)
    const isNote = note === undefined || typeof note === 'string'
    if (!isTime || !isCount || !isNote || !Number.isSafeInteger(turn) || turn < 0) return undefined
    return { ranMs, provedMs, note, counted, turn }
  } catch {
    return undefined
  }
}
