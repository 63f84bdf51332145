import { headOf, ownCopy } from '../engine-text.ts'

export type Root = 'metadata' | 'context'

/** How many redacted paths an entry lists, and how long each may be. */
const MAX_REDACTED_PATHS = 20
const MAX_PATH_CHARACTERS = 256

/** What an entry has to say of its copy: in what the copy differs, and what was redacted where. */
export class CopyNotes {
  // `private` and no `#`, for speed: as in `Copier`.
  private markList: string[] | undefined
  private redactedPaths: string[] | undefined
  private rootName: Root = 'metadata'
  /** Under which key each container stands that the copy is inside of; the first is the root. */
  private readonly keyPath: (string | number)[] = []

  /** Before each entry. */
  begin(): void {
    this.markList = undefined
    this.redactedPaths = undefined
  }

  /** Before each of an entry's objects. */
  beginRoot(root: Root): void {
    this.rootName = root
  }

  /** Marks made so far, each once. Undefined: none, as of nearly every entry. */
  get marks(): readonly string[] | undefined {
    return this.markList
  }

  /** Paths redacted so far. Undefined: none. */
  get redacted(): readonly string[] | undefined {
    return this.redactedPaths
  }

  /** Says something of what is being copied: `circular` becomes `metadata.circular`. */
  mark(what: string): void {
    this.markEntry(`${this.rootName}.${what}`)
  }

  markEntry(mark: string): void {
    if (this.markList === undefined) this.markList = [mark]
    else if (!this.markList.includes(mark)) this.markList.push(mark)
  }

  noteRedacted(path: string): void {
    this.redactedPaths ??= []
    if (this.redactedPaths.length < MAX_REDACTED_PATHS) this.redactedPaths.push(path)
    else if (this.redactedPaths.length === MAX_REDACTED_PATHS) this.redactedPaths.push('…')
  }

  /** The copy goes into the container at this depth, which stands under this key. */
  enter(depth: number, key: string | number): void {
    this.keyPath[depth] = key
  }

  /** The key of the container at this depth; undefined for the root. */
  keyAt(depth: number): string | number | undefined {
    return this.keyPath[depth]
  }

  /** The path of a key in the container at this depth: `metadata.users[0].ssn`. */
  pathOf(key: string | number, depth: number): string {
    let path: string = this.rootName
    for (const part of [...this.keyPath.slice(1, depth + 1), key]) {
      path += typeof part === 'number' ? `[${part}]` : `.${part}`
      if (path.length > MAX_PATH_CHARACTERS) return `${headOf(path, MAX_PATH_CHARACTERS)}…`
    }
    return ownCopy(path)
  }
}
