import { randomUUID } from 'node:crypto'
import fs from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { AuditError } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'

/** Who holds a folder, as its file says it. */
interface Holder {
  readonly host: string
  readonly pid: number
  /** Of one lock, so that a holder sees when another one has taken its place. */
  readonly token: string
}

export const LOCK_FILE = 'seal.lock'

/** A holder says so often that it lives. */
const BEAT_MS = 10_000
/** A holder that is silent for longer is gone. Of one on this machine its process says that at once. */
const SILENT_MS = 60_000
const ATTEMPTS = 5

/** The locks of this process. Without them it would take its own lock for that of an earlier one. */
const held = new Set<string>()

/**
 * Lets one process at a time use a folder. Two sealers in one folder would overwrite what the other
 * one remembers, and the memory is what notices an older copy of the database.
 */
export class FolderLock {
  readonly #folder: string
  readonly #file: string
  readonly #token = randomUUID()
  #beat: NodeJS.Timeout | undefined

  constructor(folder: string) {
    this.#folder = path.resolve(folder)
    this.#file = path.join(this.#folder, LOCK_FILE)
  }

  /**
   * Takes the lock, or makes sure that it still has it.
   *
   * @throws {AuditError} `AUDIT_OPTION_INVALID` where another process has it
   */
  async hold(): Promise<void> {
    try {
      if (this.#beat === undefined) await this.#take()
      else await this.#stillMine()
    } catch (error) {
      const code = fileCode(error)
      if (code === undefined) throw error
      throw new AuditError(
        'AUDIT_OPTION_INVALID',
        `AUDIT_STATE_DIR: ${this.#file} ${fileWords(code)}.`,
      )
    }
  }

  /** Safe to call twice, or without a lock. */
  async release(): Promise<void> {
    if (this.#beat === undefined) return
    this.#forget()
    const holder = await holderIn(this.#file).catch(() => undefined)
    // A lock that cannot be removed ends by itself, because its process does.
    if (holder?.token === this.#token) await fs.rm(this.#file, { force: true }).catch(() => {})
  }

  async #take(): Promise<void> {
    await fs.mkdir(this.#folder, { recursive: true, mode: 0o700 })
    for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
      if (await this.#made()) {
        held.add(this.#token)
        this.#beat = setInterval(() => void this.#touch(), BEAT_MS).unref()
        return
      }
      await this.#removeIfGone()
    }
    throw this.#taken(await holderIn(this.#file))
  }

  /** @returns false where there is a lock */
  async #made(): Promise<boolean> {
    try {
      await fs.writeFile(this.#file, this.#text(), { flag: 'wx', mode: 0o600 })
      return true
    } catch (error) {
      if (fileCode(error) === 'EEXIST') return false
      throw error
    }
  }

  /** @throws {AuditError} where its holder lives */
  async #removeIfGone(): Promise<void> {
    const holder = await holderIn(this.#file)
    const silentMs = await this.#silentMs()
    if (silentMs === undefined) return // it was released meanwhile
    if (silentMs < SILENT_MS && (holder === undefined || isAlive(holder))) throw this.#taken(holder)
    // Of two that do this at once one may remove the lock of the other, who sees it at its next hold().
    await fs.rm(this.#file, { force: true })
  }

  /** By the clock of the file system, because the holder may be on another machine. */
  async #silentMs(): Promise<number | undefined> {
    const probe = `${this.#file}.${this.#token}`
    try {
      const found = await fs.stat(this.#file)
      await fs.writeFile(probe, '')
      return (await fs.stat(probe)).mtimeMs - found.mtimeMs
    } catch (error) {
      if (fileCode(error) === 'ENOENT') return undefined
      throw error
    } finally {
      await fs.rm(probe, { force: true })
    }
  }

  async #stillMine(): Promise<void> {
    const holder = await holderIn(this.#file)
    if (holder?.token === this.#token) return
    this.#forget()
    throw this.#taken(holder)
  }

  /** A beat that fails is none: a sealer that looks for it decides by that. */
  async #touch(): Promise<void> {
    const holder = await holderIn(this.#file).catch(() => undefined)
    if (holder?.token !== this.#token) return
    await fs.writeFile(this.#file, this.#text(), { flag: 'r+' }).catch(() => {})
  }

  #forget(): void {
    clearInterval(this.#beat)
    this.#beat = undefined
    held.delete(this.#token)
  }

  #text(): string {
    const holder: Holder = { host: os.hostname(), pid: process.pid, token: this.#token }
    return `${JSON.stringify(holder)}\n`
  }

  #taken(holder: Holder | undefined): AuditError {
    const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process'
    return new AuditError(
      'AUDIT_OPTION_INVALID',
      `AUDIT_STATE_DIR: ${who} seals with ${this.#folder}. Give each process that seals a folder of its own.`,
    )
  }
}

/** Whether its process runs, as far as this machine can tell. */
function isAlive({ host, pid, token }: Holder): boolean {
  if (host !== os.hostname()) return true
  // In a container each process is number 1: it is not its own predecessor.
  if (pid === process.pid) return held.has(token)
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return Reflect.get(Object(error), 'code') === 'EPERM' // it runs as another user
  }
}

/** Undefined where there is no lock, or it was not written to its end yet. */
async function holderIn(file: string): Promise<Holder | undefined> {
  try {
    const found: unknown = JSON.parse(await fs.readFile(file, 'utf8'))
    const { host, pid, token } = Object(found) as Partial<Holder>
    if (typeof host !== 'string' || typeof token !== 'string') return undefined
    return Number.isSafeInteger(pid) ? { host, pid: Number(pid), token } : undefined
  } catch (error) {
    if (error instanceof SyntaxError || fileCode(error) === 'ENOENT') return undefined
    throw error
  }
}
