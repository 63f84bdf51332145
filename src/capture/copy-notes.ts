import { headOf, ownCopy } from '../engine-text.ts'

export type Root = 'metadata' | 'context'

/** How many redacted paths an entry lists, and how long each may be. */
const MAX_REDACTED_PATHS = 20
const MAX_PATH_CHARACTERS = 256

/** What an entry has to say of its copy: in what the copy differs, and what was redacted where. */
export class CopyNotes {
  #marks: string[] | undefined
  #redacted: string[] | undefined
  #root: Root = 'metadata'
  /** Under which key each container stands that the copy is inside of; the first is the root. */
  readonly #keys: (string | number)[] = []

  /** Before each entry. */
  begin(): void {
    this.#marks = undefined
    this.#redacted = undefined
  }

  /** Before each of an entry's objects. */
  beginRoot(root: Root): void {
    this.#root = root
  }

  /** Marks made so far, each once. Undefined: none, as of nearly every entry. */
  get marks(): readonly string[] | undefined {
    return this.#marks
  }

  /** Paths redacted so far. Undefined: none. */
  get redacted(): readonly string[] | undefined {
    return this.#redacted
  }

  /** Says something of what is being copied: `circular` becomes `metadata.circular`. */
  mark(what: string): void {
    this.markEntry(`${this.#root}.${what}`)
  }

  markEntry(mark: string): void {
    if (this.#marks === undefined) this.#marks = [mark]
    else if (!this.#marks.includes(mark)) this.#marks.push(mark)
  }

  noteRedacted(path: string): void {
    this.#redacted ??= []
    if (this.#redacted.length < MAX_REDACTED_PATHS) this.#redacted.push(path)
    else if (this.#redacted.length === MAX_REDACTED_PATHS) this.#redacted.push('…')
  }

  /** The copy goes into the container at this depth, which stands under this key. */
  enter(depth: number, key: string | number): void {
    this.#keys[depth] = key
  }

  /** The key of the container at this depth; undefined for the root. */
  keyAt(depth: number): string | number | undefined {
    return this.#keys[depth]
  }

  /** The path of a key in the container at this depth: `metadata.users[0].ssn`. */
  pathOf(key: string | number, depth: number): string {
    let path: string = this.#root
    for (const part of [...this.#keys.slice(1, depth + 1), key]) {
      path += typeof part === 'number' ? `[${part}]` : `.${part}`
      if (path.length > MAX_PATH_CHARACTERS) return `${headOf(path, MAX_PATH_CHARACTERS)}…`
    }
    return ownCopy(path)
  }
}
