import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { archiveFailed } from '../files/archive-fault.ts'
import type { LocalFile } from '../files/ndjson-file.ts'
import type { ArchiveStore, StoredFile } from './store.ts'

const PRIVATE_FOLDER = 0o700
/** Files that are not finished yet. They lie on the same disk, so that a finished one is renamed. */
const UNFINISHED = '.unfinished'

/** Files in a folder: `file:///var/backups/audit`. */
export class FileStore implements ArchiveStore {
  readonly #root: string

  /** @param url as `new URL` reads it, without a host */
  constructor(url: URL) {
    this.#root = decodeURIComponent(url.pathname)
  }

  async workFolder(): Promise<string> {
    const folder = path.join(this.#root, UNFINISHED)
    await explained(folder, () => fs.mkdir(folder, { recursive: true, mode: PRIVATE_FOLDER }))
    return folder
  }

  urlOf(name: string): string {
    return pathToFileURL(this.#pathOf(name)).href
  }

  async look(name: string): Promise<StoredFile | undefined> {
    const file = this.#pathOf(name)
    try {
      const hash = createHash('sha256')
      let bytes = 0
      for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
        hash.update(chunk)
        bytes += chunk.length
      }
      return { sha256: hash.digest('hex'), bytes }
    } catch (error) {
      if (fileCode(error) === 'ENOENT') return undefined
      throw asArchiveFault(file, error)
    }
  }

  async put(name: string, file: LocalFile): Promise<void> {
    const to = this.#pathOf(name)
    await explained(to, async () => {
      await fs.mkdir(path.dirname(to), { recursive: true, mode: PRIVATE_FOLDER })
      await moveToNew(file.path, to)
      const folder = await fs.open(path.dirname(to), 'r')
      await folder.sync().finally(() => folder.close())
    })
  }

  async bring(name: string, to: string): Promise<boolean> {
    const file = this.#pathOf(name)
    try {
      await fs.copyFile(file, to)
      return true
    } catch (error) {
      if (fileCode(error) === 'ENOENT') return false
      throw asArchiveFault(file, error)
    }
  }

  #pathOf(name: string): string {
    return path.join(this.#root, name)
  }
}

/** Some file systems of a network have no links. */
const NO_LINKS = /^(?:EPERM|ENOTSUP|EOPNOTSUPP|ENOSYS|EMLINK)$/

/** A link does not replace what is there already, and a rename would. */
async function moveToNew(from: string, to: string): Promise<void> {
  try {
    await fs.link(from, to)
  } catch (error) {
    if (!NO_LINKS.test(fileCode(error) ?? '')) throw error
    const isThere = await fs.stat(to).then(Boolean, () => false)
    if (isThere) throw archiveFailed(`${to} is there already.`)
    return await fs.rename(from, to)
  }
  await fs.unlink(from)
}

async function explained<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asArchiveFault(file, error)
  }
}

function asArchiveFault(file: string, error: unknown): unknown {
  const code = fileCode(error)
  if (code === undefined) return error
  if (code === 'EEXIST') return archiveFailed(`${file} is there already.`)
  return archiveFailed(`The archive cannot be written or read: ${file} ${fileWords(code)}.`)
}
