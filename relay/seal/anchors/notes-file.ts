import { createReadStream } from 'node:fs'

/** No line of a note is longer. */
const MOST_CHARACTERS = 65_536
/** A line with a signature of a note begins so. */
const SIGNATURE = '— '

/** Puts notes together from lines. What was torn off in the middle is left out. */
export class NoteLines {
  #text: string[] = []
  #signatures: string[] = []
  #isTextOver = false

  /** @returns the note that ends before this line, if one does */
  next(line: string): string | undefined {
    if (this.#isTextOver && line.startsWith(SIGNATURE)) {
      this.#signatures.push(line)
      return undefined
    }
    const note = this.#isTextOver ? this.end() : undefined
    if (line !== '') this.#text.push(line)
    else if (this.#text.length > 0) this.#isTextOver = true
    return note
  }

  /** @returns the note that ends here, if one does */
  end(): string | undefined {
    const [text, signatures] = [this.#text, this.#signatures]
    this.#text = []
    this.#signatures = []
    this.#isTextOver = false
    if (text.length === 0 || signatures.length === 0) return undefined
    return `${text.join('\n')}\n\n${signatures.join('\n')}\n`
  }
}

/** The notes in a text, in their order. */
export function notesIn(text: string): readonly string[] {
  const lines = new NoteLines()
  const found = text.split('\n').map((line) => lines.next(line.replace(/\r$/, '')))
  return [...found, lines.end()].filter((note) => note !== undefined)
}

/** The notes of a file, in their order, however long it is. */
export async function* notesOf(file: string): AsyncGenerator<string, void, undefined> {
  const lines = new NoteLines()
  let rest = ''
  for await (const chunk of createReadStream(file, 'utf8')) {
    const parts = `${rest}${chunk}`.split('\n')
    rest = (parts.pop() ?? '').slice(-MOST_CHARACTERS)
    for (const line of parts) {
      const note = lines.next(line.replace(/\r$/, ''))
      if (note !== undefined) yield note
    }
  }
  const before = lines.next(rest)
  if (before !== undefined) yield before
  const last = lines.end()
  if (last !== undefined) yield last
}
