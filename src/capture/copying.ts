import type { Redactor } from '../redact/redactor.ts'
import type { PathStep } from '../redact/paths.ts'
import type { CopyNotes } from './copy-notes.ts'
import type { JsonObject } from './json-object.ts'

/**
 * A copy that is being made, as those see it who copy a part of it: texts, and what is neither an
 * array nor a plain object. `Copier` is the one that there is; this is what keeps its parts from
 * importing it.
 *
 * `depth` is always that of the container at hand, `steps` what the paths to redact say of it.
 */
export interface Copying {
  readonly notes: CopyNotes
  readonly redactor: Redactor
  /** How many characters of JSON may still be made, about. At 0 or below the rest is left out. */
  readonly room: number
  /** Whether it is a copy that is copied. */
  readonly isAgain: boolean
  /** Takes so many characters of the room. */
  spend(characters: number): void
  /** Takes so many characters of those that may be hashed; false, and takes none, where fewer are left. */
  spendHash(characters: number): boolean
  /** Whether a text needs a closer look. */
  mayHide(text: string): boolean
  isSecretKey(key: string): boolean
  /** Strings are kept by reference, unless they are too long or hold a secret. */
  text(text: string, key: string | number, depth: number): string
  /** One value in a list; null where a key would be left out. */
  item(value: unknown, at: number, depth: number, steps: PathStep | undefined): unknown
  /** Copies a value under a key, after asking what the key says about it. */
  putUnder(
    copy: JsonObject,
    given: string,
    value: unknown,
    depth: number,
    steps: PathStep | undefined,
  ): void
  /** A value whose key is known to be secret or not. Undefined where it is to be left out. */
  underKey(
    value: unknown,
    key: string | number,
    secret: boolean,
    depth: number,
    next: PathStep | undefined,
  ): unknown
  /** Copies own enumerable keys. */
  copyObject(given: object, depth: number, steps: PathStep | undefined): JsonObject
  /** Copies the items of an array, or of whatever has a length and indexes. */
  copyArray(given: ArrayLike<unknown>, depth: number, steps: PathStep | undefined): unknown[]
  /** Copies the result of a `toJSON`, in the place of the object that it belongs to. */
  replaced(value: unknown, depth: number, steps: PathStep | undefined): unknown
  /** What stands in the place of something that threw. Its message may quote a value. */
  thrown(error: unknown): string
}
