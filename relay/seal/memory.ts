import fs from 'node:fs/promises'
import path from 'node:path'
import { AuditError } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import type { FolderLock } from './folder-lock.ts'

/** A tree up to a size, and the root that it had. */
export interface KnownRoot {
  readonly size: number
  /** In base64. */
  readonly root: string
}

/** A public key that signs the trees, or has signed them. */
export interface KnownKey {
  /** Under the name of the first tree. */
  readonly vkey: string
  /** Where it signs no more: the tree that it signed last, and up to which size. */
  readonly ended?: { readonly tree: string; readonly size: number } | undefined
}

/** What a sealer knows of the seal, kept outside of the database. */
export interface SealMemory extends KnownRoot {
  /** The number of the tree, and its name. */
  readonly origin: number
  readonly name: string
  /** The history of the log in which the tree was begun. */
  readonly history: string
  /** The checkpoint of this size. Undefined where nothing is sealed yet. */
  readonly note?: string | undefined
  /**
   * What was signed, or is about to be, and may not be in the database. Until it is known to be
   * there, nothing else may be signed for more leaves than `size`.
   */
  readonly pending?: KnownRoot | undefined
  /** The public keys that have signed. */
  readonly keys: readonly KnownKey[]
  /** The trees that a restore has ended, with the last size that is known of each. */
  readonly ended: readonly (KnownRoot & { readonly name: string })[]
}

/** Keeps the memory of a sealer. */
export interface SealMemoryStore {
  /** Undefined: nothing was ever sealed with it. */
  load(): Promise<SealMemory | undefined>
  /** Resolves when the memory would outlast a crash of the machine. */
  save(memory: SealMemory): Promise<void>
}

export const SEAL_FILE = 'seal.json'

/**
 * A memory that ends with the process, for a sealer in a test. A restore while the process is away goes
 * unnoticed.
 */
export function volatileMemory(): SealMemoryStore {
  let kept: SealMemory | undefined
  return {
    load: async () => kept,
    async save(memory) {
      kept = memory
    },
  }
}

/**
 * A memory in a file of a folder. The file is written under another name, flushed to the disk and
 * renamed, and so is the folder flushed: a crash leaves the one or the other memory, and never half of
 * one. Sealers that share a folder would overwrite each other's memory: see `heldMemory`.
 *
 * @param folder made where it does not exist, with mode 0700
 */
export function fileMemory(folder: string): SealMemoryStore {
  const file = path.join(folder, SEAL_FILE)
  const unusable = (error: unknown): AuditError => {
    const code = fileCode(error)
    const what = code
      ? fileWords(code)
      : 'is not what a sealer wrote. Without it a restore of an older copy is not noticed: look at ' +
        'the newest checkpoint that you have elsewhere, then delete the file'
    return new AuditError(
      'AUDIT_OPTION_INVALID',
      `AUDIT_STATE_DIR: ${SEAL_FILE} in ${folder} ${what}.`,
    )
  }
  return {
    async load() {
      let text: string
      try {
        text = await fs.readFile(file, 'utf8')
      } catch (error) {
        if (fileCode(error) === 'ENOENT') return undefined
        throw unusable(error)
      }
      const memory = parsed(text)
      if (memory === undefined) throw unusable(undefined)
      return memory
    },
    async save(memory) {
      try {
        await fs.mkdir(folder, { recursive: true, mode: 0o700 })
        const written = `${file}.${process.pid}`
        await flushed(written, `${JSON.stringify(memory, null, 2)}\n`)
        await fs.rename(written, file)
        const handle = await fs.open(folder, 'r')
        await handle.sync().finally(() => handle.close())
      } catch (error) {
        throw unusable(error)
      }
    },
  }
}

/** A memory that no other process uses meanwhile. It throws as {@link FolderLock.hold} does. */
export function heldMemory(store: SealMemoryStore, lock: FolderLock): SealMemoryStore {
  return {
    async load() {
      await lock.hold()
      return await store.load()
    },
    async save(memory) {
      await lock.hold()
      await store.save(memory)
    },
  }
}

/** A memory that is read and left as it is. */
export function readOnlyMemory({ load }: SealMemoryStore): SealMemoryStore {
  return { load, save: async () => {} }
}

async function flushed(file: string, text: string): Promise<void> {
  const handle = await fs.open(file, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function parsed(text: string): SealMemory | undefined {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return undefined
  }
  const memory = Object(found) as SealMemory
  const isMemory =
    Number.isSafeInteger(memory.origin) &&
    [memory.name, memory.history].every((value) => typeof value === 'string') &&
    isKnownRoot(memory) &&
    (memory.note === undefined || typeof memory.note === 'string') &&
    (memory.pending === undefined || isKnownRoot(memory.pending)) &&
    Array.isArray(memory.keys) &&
    memory.keys.every(({ vkey, ended }) => {
      const isEnd = typeof ended?.tree === 'string' && Number.isSafeInteger(ended.size)
      return typeof vkey === 'string' && (ended === undefined || isEnd)
    }) &&
    Array.isArray(memory.ended) &&
    memory.ended.every((one) => typeof one.name === 'string' && isKnownRoot(one))
  return isMemory ? memory : undefined
}

function isKnownRoot(value: unknown): boolean {
  const { size, root } = Object(value) as Partial<KnownRoot>
  return Number.isSafeInteger(size) && Number(size) >= 0 && typeof root === 'string'
}
