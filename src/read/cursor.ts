import { filterInvalid } from '../errors.ts'
import { createHash } from 'node:crypto'
import { hexOfUuid, uuidOfHex } from '../ids/uuid.ts'

/** A place between two entries, and which way to read from it. */
export interface Position {
  /** `next`: on in the order that was asked for. `prev`: back. */
  readonly direction: 'next' | 'prev'
  /** The entry that the place is beside; it is itself left out. */
  readonly id: string
  /** Of the log that it is a place in. */
  readonly history: string
}

// version and direction, id, history, whose it is, check: a multiple of 3, so base64 has one way to
// write it
const HEAD_BYTES = 2
const ID_END = HEAD_BYTES + 16
const HISTORY_END = ID_END + 16
const OWNER_END = HISTORY_END + 8
const LENGTH = OWNER_END + 6
const VERSION = 2

/**
 * A cursor as callers hand it around. It holds no secret and gives no right: with any id in it the
 * same filter applies. So it is checked and not signed, against typing errors and against use with
 * another question.
 *
 * @param owner tells the question that it belongs to from others
 */
export function encodeCursor({ direction, id, history }: Position, owner: Buffer): string {
  const bytes = Buffer.alloc(LENGTH)
  bytes[0] = VERSION
  bytes[1] = direction === 'next' ? 0 : 1
  bytes.write(hexOfUuid(id), HEAD_BYTES, 'hex')
  bytes.write(hexOfUuid(history), ID_END, 'hex')
  owner.copy(bytes, HISTORY_END, 0, 8)
  checkOf(bytes).copy(bytes, OWNER_END)
  return bytes.toString('base64url')
}

/** @throws {AuditError} `AUDIT_FILTER_INVALID` for what is not, or no longer, one of this question */
export function decodeCursor(given: unknown, owner: Buffer): Position {
  const damaged = () =>
    filterInvalid('The cursor is damaged, or none of ours: start from the first page.')
  // The length first: what is decoded next is small, whatever was sent.
  if (typeof given !== 'string' || given.length !== (LENGTH / 3) * 4) throw damaged()
  const bytes = Buffer.from(given, 'base64url')
  if (bytes.length !== LENGTH || bytes.toString('base64url') !== given) throw damaged()
  if (!checkOf(bytes).equals(bytes.subarray(OWNER_END))) throw damaged()
  if (bytes[0] !== VERSION) throw damaged()
  if (!bytes.subarray(HISTORY_END, OWNER_END).equals(owner.subarray(0, 8))) {
    throw filterInvalid('The cursor belongs to another filter or order: start from the first page.')
  }
  const id = uuidOfHex(bytes.toString('hex', HEAD_BYTES, ID_END))
  const history = uuidOfHex(bytes.toString('hex', ID_END, HISTORY_END))
  return { direction: bytes[1] === 0 ? 'next' : 'prev', id, history }
}

function checkOf(bytes: Buffer): Buffer {
  const hash = createHash('sha256').update('audit-outbox cursor')
  return hash
    .update(bytes.subarray(0, OWNER_END))
    .digest()
    .subarray(0, LENGTH - OWNER_END)
}
