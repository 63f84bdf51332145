import fs from 'node:fs/promises'
import path from 'node:path'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import type { Anchor } from './anchor.ts'
import { anchorFailed, inSomeAttempts } from './attempts.ts'
import { notesIn } from './notes-file.ts'

/** Longer than any note. */
const TAIL_BYTES = 65_536

/** The name of the file in the state directory. */
export const ANCHOR_FILE = 'anchor.txt'

/**
 * Keeps checkpoints in a file to which it only adds, separated by empty lines. Each one is on the disk
 * before `publish` resolves. The file proves something against those alone who cannot
 * change the disk under it.
 */
export function fileAnchor(file: string): Anchor {
  return {
    name: 'file',
    async publish(note) {
      await inSomeAttempts(() => unlessUnusable(file, () => append(file, note)))
      return []
    },
    newest: () => unlessUnusable(file, async () => lastNote(await tailOf(file))),
  }
}

async function append(file: string, note: string): Promise<void> {
  await fs.mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
  const tail = await tailOf(file)
  if (lastNote(tail) === note) return
  const handle = await fs.open(file, 'a', 0o644)
  try {
    // A process that died in the middle may have left half a note. The empty line ends it.
    await handle.appendFile(`${separator(tail)}${note}`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  if (tail === '') await syncFolder(path.dirname(file))
}

/** The last note that is whole: a line without its end was torn off. */
function lastNote(tail: string): string | undefined {
  return notesIn(tail.slice(0, tail.lastIndexOf('\n') + 1)).at(-1)
}

function separator(tail: string): string {
  if (tail === '') return ''
  return tail.endsWith('\n') ? '\n' : '\n\n'
}

/** A new file is there after a crash of the machine only once its folder is on the disk. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/** The end of the file; empty where there is no file. */
async function tailOf(file: string): Promise<string> {
  let handle: fs.FileHandle
  try {
    handle = await fs.open(file, 'r')
  } catch (error) {
    if (fileCode(error) === 'ENOENT') return ''
    throw error
  }
  try {
    const { size } = await handle.stat()
    const length = Math.min(size, TAIL_BYTES)
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, size - length)
    return buffer.toString('utf8', 0, bytesRead)
  } finally {
    await handle.close()
  }
}

async function unlessUnusable<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    const code = fileCode(error)
    if (code === undefined) throw error
    throw anchorFailed(`The file of checkpoints ${file} ${fileWords(code)}.`)
  }
}
