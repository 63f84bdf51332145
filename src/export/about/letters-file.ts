import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import fs from 'node:fs/promises'
import path from 'node:path'
import type { AuditDatabase } from '../../database/callers-database.ts'
import type { IdKind } from '../../entry.ts'
import { readLetters } from './letters.ts'

/** What a manifest says of the dead letters that stand in a file next to the export. */
export interface LettersFile {
  readonly file: string
  readonly count: number
  readonly sha256: string
}

export interface LettersRequest {
  /** A login that may read dead letters. */
  readonly db: AuditDatabase
  readonly about: string
  readonly ids: IdKind
  /** The file to make. */
  readonly out: string
  /** Called after some letters each, with how many of them name the user. */
  readonly onProgress: (count: number) => void
  readonly signal: AbortSignal | undefined
}

/** Under another name first, so that what has the name is whole. It holds what few may see. */
export async function writeLetters(request: LettersRequest): Promise<LettersFile> {
  const { db, about, ids, out, onProgress, signal } = request
  const unfinished = `${out}.new`
  const hash = createHash('sha256')
  let count = 0
  const file = await fs.open(unfinished, 'w', 0o600)
  try {
    for await (const lines of readLetters(db, about, ids)) {
      signal?.throwIfAborted()
      const text = lines.join('')
      hash.update(text)
      await file.write(text)
      count += lines.length
      onProgress(count)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await fs.rename(unfinished, out)
  return { file: path.basename(out), count, sha256: hash.digest('hex') }
}

/** What is wrong with the file of dead letters next to an export, a sentence each. */
export async function lettersProblems(
  exported: string,
  { file, sha256 }: LettersFile,
): Promise<readonly string[]> {
  const hash = createHash('sha256')
  try {
    for await (const chunk of createReadStream(
      path.join(path.dirname(exported), path.basename(file)),
    )) {
      hash.update(chunk as Buffer)
    }
  } catch {
    return [`Its dead letters, ${file}, cannot be read.`]
  }
  if (hash.digest('hex') === sha256) return []
  return [
    `The SHA-256 of its dead letters, ${file}, is another one: they are not what was written.`,
  ]
}
