import fs from 'node:fs/promises'
import path from 'node:path'
import { optionInvalid } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import { COMMITTED_FIELDS } from '../../src/seal/leaf.ts'
import type { Erasure } from './erasures.ts'

const FILE = 'erasures.ndjson'
const LINE_FEED = 10

/**
 * What was erased, kept outside of the database: a copy of the database that is older than an erasure
 * still holds what was erased, and does not know it. A line holds the number, the id and the fields of
 * an entry, and nothing that was in them. Lines are only added; of several of one entry all count.
 */
export class ErasureFile {
  readonly #path: string
  /** The fields on file, by the id of the entry. */
  readonly #known: Map<string, ReadonlySet<string>>

  private constructor(file: string, known: Map<string, ReadonlySet<string>>) {
    this.#path = file
    this.#known = known
  }

  /**
   * Makes the file where there is none, and cuts off a last line that is not whole.
   *
   * @throws {AuditError} `AUDIT_OPTION_INVALID` where it cannot be read or written
   */
  static async open(stateDir: string): Promise<ErasureFile> {
    const file = path.join(stateDir, FILE)
    try {
      await fs.mkdir(stateDir, { recursive: true, mode: 0o700 })
      const handle = await fs.open(file, 'a+', 0o600)
      try {
        const bytes = await handle.readFile()
        const end = bytes.lastIndexOf(LINE_FEED) + 1
        if (end < bytes.length) await handle.truncate(end)
        return new ErasureFile(file, knownOf(parsed(bytes.subarray(0, end).toString(), file)))
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw unusable(file, error)
    }
  }

  /** Notes what is not on file yet. It is on the disk when this resolves. @returns how many lines */
  async note(erasures: readonly Erasure[]): Promise<number> {
    const news = erasures.filter(({ id, fields }) => {
      const known = this.#known.get(id)
      return known === undefined || !fields.every((field) => known.has(field))
    })
    if (news.length === 0) return 0
    const lines = news.map(({ seq, id, fields }) => `${JSON.stringify({ seq, id, fields })}\n`)
    try {
      const handle = await fs.open(this.#path, 'a')
      try {
        await handle.appendFile(lines.join(''))
        await handle.sync()
      } finally {
        await handle.close()
      }
    } catch (error) {
      throw unusable(this.#path, error)
    }
    for (const { id, fields } of news) {
      this.#known.set(id, new Set([...(this.#known.get(id) ?? []), ...fields]))
    }
    return news.length
  }
}

/**
 * The erasures on file in a folder, one for each entry.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where there is no such file, or another one
 */
export async function readErasures(stateDir: string): Promise<readonly Erasure[]> {
  const file = path.join(stateDir, FILE)
  try {
    const text = await fs.readFile(file, 'utf8')
    const whole = text.slice(0, text.lastIndexOf('\n') + 1)
    const lines = parsed(whole, file)
    const known = knownOf(lines)
    const bySeq = new Map(lines.map((line) => [line.id, line]))
    return Array.from(bySeq.values(), ({ seq, id }) => {
      const fields = known.get(id)
      return { seq, id, fields: COMMITTED_FIELDS.filter((field) => fields?.has(field)) }
    })
  } catch (error) {
    throw unusable(file, error)
  }
}

function knownOf(lines: readonly Erasure[]): Map<string, ReadonlySet<string>> {
  const known = new Map<string, Set<string>>()
  for (const { id, fields } of lines) {
    const before = known.get(id)
    if (before === undefined) known.set(id, new Set(fields))
    else for (const field of fields) before.add(field)
  }
  return known
}

function parsed(text: string, file: string): readonly Erasure[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map((line, at) => {
      const erasure = parseLine(line)
      if (erasure !== undefined) return erasure
      throw optionInvalid(
        `Line ${at + 1} of ${file} is no erasure, so the file is not what audit-relay erase wrote. ` +
          'Take it from a backup.',
      )
    })
}

function parseLine(line: string): Erasure | undefined {
  try {
    const { seq, id, fields } = JSON.parse(line) as Partial<Erasure>
    const isWhole = Number.isSafeInteger(seq) && typeof id === 'string' && Array.isArray(fields)
    return isWhole && fields.every((field) => COMMITTED_FIELDS.includes(field))
      ? (JSON.parse(line) as Erasure)
      : undefined
  } catch {
    return undefined
  }
}

function unusable(file: string, error: unknown): unknown {
  const code = fileCode(error)
  return code === undefined ? error : optionInvalid(`${file} ${fileWords(code)}.`)
}
