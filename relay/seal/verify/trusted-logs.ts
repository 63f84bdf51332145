import { AuditError } from '../../../src/errors.ts'
import { parseVkey } from '../../../src/seal/key.ts'
import {
  type Checkpoint,
  cosignedAt,
  openNote,
  parseCheckpoint,
  parseSignature,
} from '../../../src/seal/note.ts'
import { lastSizeOf, openByPolicy, type Policy } from '../../../src/seal/policy.ts'

/** A checkpoint that was opened, or why it is not to be trusted. */
export type Opened =
  | { readonly checkpoint: Checkpoint }
  | { readonly why: 'unknown-log' | 'key'; readonly text: string }

/** Whose signatures count. */
export class TrustedLogs {
  readonly #policy: Policy | undefined
  /** The same without what it asks of witnesses. */
  readonly #keys: Policy | undefined
  readonly #names: ReadonlySet<string>

  /** @param policy undefined: nobody is trusted, and nothing is proved */
  constructor(policy: Policy | undefined) {
    this.#policy = policy
    this.#keys = policy && { ...policy, witnesses: [], groups: [], quorum: 'none' }
    this.#names = new Set(policy?.logs.map(({ vkey }) => parseVkey(vkey).name))
  }

  get isKnown(): boolean {
    return this.#policy !== undefined
  }

  /** The origins that the policy knows. */
  get names(): readonly string[] {
    return [...this.#names]
  }

  knows(origin: string): boolean {
    return this.#names.has(origin)
  }

  /** Whether the policy wants cosignatures. */
  get wantsQuorum(): boolean {
    return this.#policy !== undefined && this.#policy.quorum !== 'none'
  }

  /** The last size of an origin that was left behind by a restore; infinite for the others. */
  lastSizeOf(origin: string): number {
    return this.#policy ? lastSizeOf(this.#policy, origin) : Number.POSITIVE_INFINITY
  }

  /** Opens a checkpoint by the log's key alone. Without a policy any signature will do. */
  open(note: string): Opened {
    try {
      const checkpoint = parseCheckpoint(openNote(note).text)
      if (this.#keys === undefined) return { checkpoint }
      if (!this.knows(checkpoint.origin)) {
        const text = `The policy has no key of the log ${checkpoint.origin}.`
        return { why: 'unknown-log', text }
      }
      return { checkpoint: openByPolicy(note, this.#keys) }
    } catch (error) {
      return { why: 'key', text: wordsOf(error) }
    }
  }

  /** Whether enough witnesses cosigned a checkpoint. */
  isCosigned(note: string): boolean {
    if (this.#policy === undefined || !this.wantsQuorum) return false
    try {
      openByPolicy(note, this.#policy)
      return true
    } catch (error) {
      wordsOf(error)
      return false
    }
  }

  /** Whether a line is a cosignature of a note. Undefined: of a witness that the policy does not know. */
  isCosignature(note: string, line: string): boolean | undefined {
    try {
      const { name, keyId } = parseSignature(line)
      const witness = this.#policy?.witnesses
        .map(({ vkey }) => parseVkey(vkey))
        .find((key) => key.name === name && key.id === keyId)
      if (witness === undefined) return undefined
      return cosignedAt(openNote(`${note}${line}\n`), witness) !== undefined
    } catch (error) {
      wordsOf(error)
      return false
    }
  }
}

/** What is wrong with a note. Another error is a bug. */
function wordsOf(error: unknown): string {
  if (error instanceof AuditError && error.code === 'AUDIT_NOT_PROVED') return error.message
  throw error
}
