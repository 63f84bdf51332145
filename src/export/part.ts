import { filterInvalid } from '../errors.ts'
import { createHash, type Hash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'

import type { ExportState, Sink } from './write.ts'

export function namesOf(out: string) {
  return {
    out,
    manifest: `${out}.manifest.json`,
    letters: `${out}.letters.ndjson`,
    proof: `${out}.proof`,
    part: `${out}.part`,
    state: `${out}.part.json`,
  }
}
type FileNames = ReturnType<typeof namesOf>

/** How often the place to go on from is noted, in milliseconds. */
const SAVE_EVERY_MS = 500
/** An export holds what only its reader may see. */
const PRIVATE = 0o600

/**
 * An export while it is being written, under another name than its own: what has the name is whole.
 */
export class PartFile implements Sink {
  readonly state: ExportState
  readonly #names: FileNames
  readonly #handle: fs.FileHandle
  readonly #hash: Hash
  #savedMs = Number.NEGATIVE_INFINITY

  private constructor(names: FileNames, handle: fs.FileHandle, hash: Hash, state: ExportState) {
    this.#names = names
    this.#handle = handle
    this.#hash = hash
    this.state = state
  }

  /** @throws {AuditError} `AUDIT_FILTER_INVALID` where an unfinished one is there already */
  static async begin(
    out: string,
    state: ExportState,
    { force }: { readonly force: boolean },
  ): Promise<PartFile> {
    const names = namesOf(out)
    if (force) for (const name of [names.part, names.state]) await fs.rm(name, { force: true })
    const handle = await fs.open(names.part, 'wx', PRIVATE).catch((error: unknown) => {
      if (Reflect.get(Object(error), 'code') !== 'EEXIST') throw error
      throw filterInvalid(
        `${names.part} is an unfinished export: set "resume" to continue it, or "force" to begin again.`,
      )
    })
    const part = new PartFile(names, handle, createHash('sha256'), state)
    await part.saved()
    return part
  }

  /**
   * @throws {AuditError} `AUDIT_FILTER_INVALID` where there is nothing, or too little, to go on
   * from
   */
  static async resume(out: string): Promise<PartFile> {
    const names = namesOf(out)
    const state = await readState(names.state)
    const stat = await fs.stat(names.part).catch(() => undefined)
    if (state === undefined || stat === undefined || stat.size < state.bytes) {
      throw filterInvalid(`There is no ${names.part} that could be resumed.`)
    }
    const handle = await fs.open(names.part, 'r+')
    await handle.truncate(state.bytes) // what came after the last note is written again
    const hash = createHash('sha256')
    for await (const chunk of createReadStream(names.part)) hash.update(chunk as Buffer)
    return new PartFile(names, handle, hash, state)
  }

  async write(bytes: Buffer): Promise<void> {
    let written = 0
    while (written < bytes.length) {
      const at = this.state.bytes + written
      const done = await this.#handle.write(bytes, written, bytes.length - written, at)
      written += done.bytesWritten
    }
    this.#hash.update(bytes)
  }

  async saved(): Promise<void> {
    if (performance.now() - this.#savedMs < SAVE_EVERY_MS) return
    await writeWhole(this.#names.state, `${JSON.stringify(this.state)}\n`)
    this.#savedMs = performance.now()
  }

  sha256(): string {
    return this.#hash.copy().digest('hex')
  }

  /**
   * Gives the manifest its name and then the file, so that a reader who finds the file finds both.
   */
  async finish(manifest: object): Promise<void> {
    await this.#handle.sync()
    await writeWhole(this.#names.manifest, `${JSON.stringify(manifest, null, 2)}\n`)
    await fs.rename(this.#names.part, this.#names.out)
    await this.#handle.close()
    await fs.rm(this.#names.state, { force: true })
  }

  /** Lets go of an unfinished file, and notes where to go on. */
  async leave(): Promise<void> {
    this.#savedMs = Number.NEGATIVE_INFINITY
    await this.saved()
    await this.#handle.close()
  }
}

/** The state of an unfinished export; undefined where there is none that could be gone on from. */
export async function readState(path: string): Promise<ExportState | undefined> {
  try {
    const state = JSON.parse(await fs.readFile(path, 'utf8')) as ExportState
    return state.version === 1 ? state : undefined
  } catch {
    return undefined
  }
}

/** Under another name first, so that nobody ever reads half of it. */
async function writeWhole(path: string, text: string): Promise<void> {
  const unfinished = `${path}.new`
  await fs.writeFile(unfinished, text, { mode: PRIVATE })
  await fs.rename(unfinished, path)
}
