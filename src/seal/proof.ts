import { base64 } from './base64.ts'
import { leafHash, type Opening, readLeaf } from './leaf.ts'
import { altered } from './not-proved.ts'
import { openByPolicy, parsePolicy } from './policy.ts'
import { HASH_BYTES, verifyInclusion } from './tree.ts'

/** What a proof shows, in the form of c2sp.org/tlog-proof. */
export interface EntryProof {
  /** The leaf's place in the tree, from 0. */
  readonly index: number
  /** From the leaf's neighbour up to the root's child. */
  readonly path: readonly Buffer[]
  /** The checkpoint, with its signatures. */
  readonly note: string
}

/** What is proved of a line. */
export interface Proved {
  /** The entry's number in the log. */
  readonly seq: number
  /** How many leaves the checkpoint's tree has. */
  readonly size: number
  /** The log. */
  readonly origin: string
}

const HEADER = 'c2sp.org/tlog-proof@v1'
const INDEX = /^index (0|[1-9]\d{0,15})$/
/** A tree of 2^53 leaves has so many levels. */
const MAX_PATH = 53
const SEAL = ',"seal":'
const ROW_SEAL = /^\{"salt":"[0-9a-f]{32}"\}$/
const FIELD = '"[a-z_]{1,20}":\\{"(?:salt":"[0-9a-f]{24}|erased":"[0-9a-f]{64})"\\}'
const FIELDS_SEAL = new RegExp(`^\\{${FIELD}(?:,${FIELD}){0,6}\\}$`)

export function printProof({ index, path, note }: EntryProof): string {
  const hashes = path.map((one) => `${one.toString('base64')}\n`).join('')
  return `${HEADER}\nindex ${index}\n${hashes}\n${note}`
}

/** @throws {NotProvedError} `AUDIT_NOT_PROVED` where the text is no proof */
export function parseProof(text: string): EntryProof {
  const end = text.indexOf('\n\n')
  const lines = text.slice(0, Math.max(0, end)).split('\n')
  if (end === -1 || lines[0] !== HEADER) throw altered(`The proof is not one of ${HEADER}.`)
  // Extra data is allowed. Nothing signs it, so nothing is read from it.
  const hasExtra = lines[1]?.startsWith('extra ') === true
  if (hasExtra && base64(lines[1]?.slice('extra '.length) ?? '') === undefined) {
    throw altered("The proof's extra data is not base64.")
  }
  const [indexLine = '', ...hashes] = lines.slice(hasExtra ? 2 : 1)
  const index = Number(INDEX.exec(indexLine)?.[1] ?? Number.NaN)
  if (!Number.isSafeInteger(index)) throw altered('The proof does not say the index of its leaf.')
  if (hashes.length > MAX_PATH) throw altered(`The proof has more than ${MAX_PATH} hashes.`)
  const path = hashes.map((line) => {
    const bytes = base64(line)
    if (bytes?.length !== HASH_BYTES) throw altered('The proof has a line that is no hash.')
    return bytes
  })
  return { index, path, note: text.slice(end + 2) }
}

/** A line's end, which opens its commitments. */
export function printSeal(opening: Opening): string {
  return `${SEAL}${JSON.stringify(opening)}}`
}

/**
 * Cuts a line of an export with proofs into the line that was sealed and its opening.
 *
 * @throws {NotProvedError} `AUDIT_NOT_PROVED` where the line has no seal, or it is not as we write it
 */
export function splitSeal(line: string): { readonly body: string; readonly opening: Opening } {
  const at = line.lastIndexOf(SEAL)
  if (at === -1 || !line.endsWith('}')) throw altered('The line does not end in a seal.')
  const seal = line.slice(at + SEAL.length, -1)
  if (!ROW_SEAL.test(seal) && !FIELDS_SEAL.test(seal)) {
    throw altered("The line's seal is not as an export writes it.")
  }
  const opening = JSON.parse(seal) as Opening
  // Of two openings of one field the parser takes the last.
  if (JSON.stringify(opening) !== seal) throw altered("The line's seal opens a field twice.")
  return { body: `${line.slice(0, at)}}`, opening }
}

/**
 * Checks that an entry is one that a log sealed, without that log and without a database.
 *
 * It proves the line's content and its place in the log. It does not prove that what the application
 * recorded was true, nor that a field which the line shows as erased was erased in the log, too: who
 * holds a line can leave the value of any committed field out in this way, and put no other in.
 *
 * @param line a line that ends in `"seal":{…}}`, with or without its line feed
 * @param proof the text of its `.tlog-proof` file
 * @param policy the text of a policy file: whose signatures count
 * @throws {NotProvedError} `AUDIT_NOT_PROVED`. Its `kind` is `altered` where the three do not fit each
 * other, and `unproved` where no key of the policy signed the checkpoint
 */
export function verifyProof(line: string, proof: string, policy: string): Proved {
  const trusted = parsePolicy(policy)
  const { index, path, note } = parseProof(proof)
  const { origin, size, root } = openByPolicy(note, trusted)
  const { body, opening } = splitSeal(line.endsWith('\n') ? line.slice(0, -1) : line)
  const { seq, text } = readLeaf(body, opening)
  if (verifyInclusion({ leaf: leafHash(text), index, size, path, root }))
    return { seq, size, origin }
  throw altered(`The line, or the proof, is not what ${origin} sealed.`)
}
