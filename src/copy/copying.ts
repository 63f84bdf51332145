import type { LookUps, Redactor } from '../redact/redactor.ts'
import type { SecretKind } from '../redact/secret-keys.ts'
import type { PathStep } from '../redact/paths.ts'
import type { CopyNotes } from './copy-notes.ts'
import type { JsonObject } from './json-object.ts'

/**
 * What the other files of this folder use of a `Copier`, its only implementation. `Copier`
 * imports those files, so they import this interface in its place.
 *
 * `depth` is always the depth of the current container. `steps` is its position among the paths to
 * redact.
 */
export interface Copying {
  readonly notes: CopyNotes
  readonly redactor: Redactor
  /** About how many characters of JSON may still be made. At 0 or below the rest is left out. */
  readonly room: number
  /** The room of the whole entry. */
  readonly roomAtFirst: number
  /** Whether the value being copied is itself a copy. */
  readonly isAgain: boolean
  /** Takes this many characters from the room. */
  spend(characters: number): void
  /**
   * Takes this many characters from the number that may still be hashed. Returns false, and takes
   * none, if fewer are left.
   */
  spendHash(characters: number): boolean
  /** Whether a text may hold a secret and has to be searched. */
  mayHide(text: string): boolean
  /** Whether anything is redacted at all, here. */
  readonly isActive: boolean
  /** How many names may still be looked up in the texts of this entry. */
  readonly lookUps: LookUps
  kindOf(key: string): SecretKind | undefined
  /** Keeps a string by reference, unless it is too long or holds a secret. */
  text(text: string, key: string | number, depth: number): string
  /** Copies one value of a list. A value that an object would leave out becomes null. */
  item(
    value: unknown,
    at: number,
    depth: number,
    steps: PathStep | undefined,
    kind?: SecretKind | undefined,
  ): unknown
  /** Copies a value under a key, according to the redaction rule of the key. */
  putUnder(
    copy: JsonObject,
    given: string,
    value: unknown,
    depth: number,
    steps: PathStep | undefined,
  ): void
  /** Copies a value. `kind`: what its key names, if that is a secret. Undefined: it is left out. */
  underKey(
    value: unknown,
    key: string | number,
    kind: SecretKind | undefined,
    depth: number,
    next: PathStep | undefined,
  ): unknown
  /** Copies own enumerable keys. */
  copyObject(given: object, depth: number, steps: PathStep | undefined): JsonObject
  /** Copies the items of an array, or of another object with a length and indexes. */
  copyArray(given: ArrayLike<unknown>, depth: number, steps: PathStep | undefined): unknown[]
  /** Copies the result of a `toJSON` in place of its object. */
  replaced(value: unknown, depth: number, steps: PathStep | undefined): unknown
  /**
   * The replacement of a value that threw when it was read. It leaves out the error's message,
   * which may quote a value.
   */
  thrown(error: unknown): string
}
