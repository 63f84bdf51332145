import { base64 } from './base64.ts'
import { isSignature, keyId, NOTE_KEY, parseVkey, type Signer, type VerifierKey } from './key.ts'
import { altered, unproved } from './not-proved.ts'
import { HASH_BYTES } from './tree.ts'

export { newKey, type Signer, signerOfKey, vkeyOf } from './key.ts'

/** What a log says of itself: all its leaves up to a number have this root. */
export interface Checkpoint {
  /** The log's name. */
  readonly origin: string
  /** How many leaves the tree has. */
  readonly size: number
  readonly root: Buffer
}

export interface NoteSignature {
  readonly name: string
  /** Eight digits of hex. */
  readonly keyId: string
  readonly signature: Buffer
}

/** A signed note, cut into its parts. Nothing of it is to be trusted yet. */
export interface OpenedNote {
  /** What is signed, its last line feed included. */
  readonly text: string
  readonly signatures: readonly NoteSignature[]
}

const SIGNATURE = /^— ([^\s+]+) ([A-Za-z0-9+/=]+)$/u
const KEY_ID_BYTES = 4
const TIME_BYTES = 8
const SIGNATURE_BYTES = 64
/** The specification asks for 16 at least. */
const MAX_SIGNATURES = 64
const SIZE = /^(?:0|[1-9]\d{0,15})$/

/** The text of a checkpoint, without signatures. */
export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toString('base64')}\n`
}

/** @returns the text of a signed note, as c2sp.org/tlog-checkpoint has it */
export async function signCheckpoint(checkpoint: Checkpoint, signer: Signer): Promise<string> {
  const text = checkpointText(checkpoint)
  return `${text}\n${await signatureLine(text, signer)}`
}

/** One more signature for a note of that text, with its line feed: for the time of a new key. */
export async function signatureLine(text: string, signer: Signer): Promise<string> {
  const id = Buffer.from(keyId(signer.name, NOTE_KEY, signer.publicKey), 'hex')
  const signature = await signer.sign(Buffer.from(text))
  return `— ${signer.name} ${Buffer.concat([id, signature]).toString('base64')}\n`
}

/**
 * A checkpoint that one of the keys signed under its own origin.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where it is none, where none of the keys signed it, or
 * where the signature of one of them is false
 */
export function openCheckpoint(note: string, vkeys: readonly string[]): Checkpoint {
  const opened = openNote(note)
  const checkpoint = parseCheckpoint(opened.text)
  const keys = vkeys.map(parseVkey).filter(({ name }) => name === checkpoint.origin)
  const signed = keys.filter((key) => isSignedBy(opened, key))
  if (signed.length > 0) return checkpoint
  throw unproved(`None of the known keys of ${checkpoint.origin} signed the checkpoint.`)
}

/** @throws {NotProvedError} `AUDIT_NOT_PROVED` where the text is no signed note */
export function openNote(note: string): OpenedNote {
  const end = note.lastIndexOf('\n\n')
  if (end < 1 || !note.endsWith('\n') || /[^\n\x20-\uffff]/.test(note)) {
    throw altered('The checkpoint is no signed note.')
  }
  const lines = note.slice(end + 2, -1).split('\n')
  if (lines.length > MAX_SIGNATURES) {
    throw altered(`The checkpoint has ${lines.length} signatures: at most ${MAX_SIGNATURES}.`)
  }
  return { text: note.slice(0, end + 1), signatures: lines.map(parseSignature) }
}

/** Of one line, without its line feed. @throws {NotProvedError} `AUDIT_NOT_PROVED` */
export function parseSignature(line: string): NoteSignature {
  const [, name, encoded = ''] = SIGNATURE.exec(line) ?? []
  const bytes = base64(encoded)
  if (name === undefined || bytes === undefined || bytes.length <= KEY_ID_BYTES) {
    throw altered('The checkpoint has a line that is no signature.')
  }
  const keyId = bytes.toString('hex', 0, KEY_ID_BYTES)
  return { name, keyId, signature: bytes.subarray(KEY_ID_BYTES) }
}

/** @throws {NotProvedError} `AUDIT_NOT_PROVED` where the text is that of no checkpoint */
export function parseCheckpoint(text: string): Checkpoint {
  // Extension lines are allowed and not recommended. We write none, so another line is not ours.
  const [origin = '', digits = '', encoded = '', end, more] = text.split('\n')
  const [root, size] = [base64(encoded), Number(digits)]
  const hasLines = origin !== '' && end === '' && more === undefined
  if (hasLines && SIZE.test(digits) && Number.isSafeInteger(size) && root?.length === HASH_BYTES) {
    return { origin, size, root }
  }
  throw altered('The checkpoint is not an origin, a size and a root.')
}

/**
 * Whether the key signed the note. Signatures of other keys are passed over.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where a signature under the key's name and id is false
 */
export function isSignedBy(note: OpenedNote, key: VerifierKey): boolean {
  return signaturesOf(note, key).length > 0
}

/**
 * When a witness cosigned the checkpoint, in seconds since 1970. Undefined: it did not.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where a cosignature under the key's name and id is false
 */
export function cosignedAt(note: OpenedNote, witness: VerifierKey): number | undefined {
  const times = signaturesOf(note, witness).map((one) => Number(one.readBigUInt64BE()))
  return times.length === 0 ? undefined : Math.max(...times)
}

/** What follows the key id in each signature of the key, once it was found to be true. */
function signaturesOf({ text, signatures }: OpenedNote, key: VerifierKey): readonly Buffer[] {
  return signatures
    .filter(({ name, keyId }) => name === key.name && keyId === key.id)
    .map(({ signature }) => {
      const { message, bytes } = signedPart(text, signature, key)
      if (bytes.length === SIGNATURE_BYTES && isSignature(key.publicKey, message, bytes)) {
        return signature
      }
      throw altered(`The signature of ${key.name} on the checkpoint is false.`)
    })
}

/** A witness signs its time, too: eight bytes before the signature say it (c2sp.org/tlog-cosignature). */
function signedPart(
  text: string,
  signature: Buffer,
  { type }: VerifierKey,
): { readonly message: Buffer; readonly bytes: Buffer } {
  if (type === NOTE_KEY) return { message: Buffer.from(text), bytes: signature }
  if (signature.length < TIME_BYTES) return { message: Buffer.from(text), bytes: Buffer.alloc(0) }
  const time = signature.readBigUInt64BE()
  return {
    message: Buffer.from(`cosignature/v1\ntime ${time}\n${text}`),
    bytes: signature.subarray(TIME_BYTES),
  }
}
