import { filterInvalid } from '../../errors.ts'
import { createHash } from 'node:crypto'
import { hexOfUuid, uuidOfHex } from '../../ids/uuid.ts'

/** A place between two entries, and which way to read from it. */
export interface Position {
  /** `next`: on in the order that was asked for. `prev`: back. */
  readonly direction: 'next' | 'prev'
  /** The entry next to the place. A page from this place leaves it out. */
  readonly id: string
  /** The history of the log in which the place is. */
  readonly history: string
}

// Version and direction, id, history, owner, check. The length is a multiple of 3, so each cursor
// has only one base64 text.
const HEAD_BYTES = 2
const ID_END = HEAD_BYTES + 16
const HISTORY_END = ID_END + 16
const OWNER_END = HISTORY_END + 8
const LENGTH = OWNER_END + 6
const VERSION = 2

/**
 * Writes a cursor as the text that callers store and send. It holds no secret and gives no right,
 * because the same filter applies to any id in it. So it is not signed. It has a checksum against
 * typing errors, and the start of `owner` against use with another query.
 *
 * @param owner a hash of the filter and the order that the cursor belongs to, of at least 8 bytes
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

/** @throws {AuditError} `AUDIT_FILTER_INVALID` where it is no cursor of this filter and order */
export function decodeCursor(given: unknown, owner: Buffer): Position {
  const damaged = () =>
    filterInvalid('The cursor is damaged or was not made by a timeline. Start from the first page.')
  // The length is checked first, so that a long text is never decoded.
  if (typeof given !== 'string' || given.length !== (LENGTH / 3) * 4) throw damaged()
  const bytes = Buffer.from(given, 'base64url')
  if (bytes.length !== LENGTH || bytes.toString('base64url') !== given) throw damaged()
  if (!checkOf(bytes).equals(bytes.subarray(OWNER_END))) throw damaged()
  if (bytes[0] !== VERSION) throw damaged()
  if (!bytes.subarray(HISTORY_END, OWNER_END).equals(owner.subarray(0, 8))) {
    throw filterInvalid('The cursor belongs to another filter or order. Start from the first page.')
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
