import type { ExportRow } from '../../../src/export/rows.ts'
import { AuditError } from '../../../src/errors.ts'
import {
  COMMITTED_FIELDS,
  type CommittedField,
  leafHash,
  leafText,
  type Opening,
} from '../../../src/seal/leaf.ts'
import { type Erasure, SALT_BYTES, SALTED_SEQS } from './seal-tables.ts'
import type { StoredEntry } from './stretch-rows.ts'

/** The leaf of an entry, or why there is none. */
export type EntryLeaf =
  | { readonly leaf: Buffer }
  | { readonly why: 'unreadable' | 'salts' | 'misfit'; readonly text: string }

/** The leaf that an entry has now. It has that of its seal, unless one of the two was changed. */
export function leafOf(
  { line }: StoredEntry,
  salts: Buffer | undefined,
  seq: number,
  erasure: Erasure | undefined,
): EntryLeaf {
  if (line === undefined) return { why: 'unreadable', text: 'It is too large to be read.' }
  const opening = erasure?.opening ?? rowOpening(salts, seq)
  if (opening === undefined) return { why: 'salts', text: 'Its salt is gone.' }
  try {
    return { leaf: leafHash(leafText(line, opening)) }
  } catch (error) {
    if (!(error instanceof AuditError && error.code === 'AUDIT_NOT_PROVED')) throw error
    return { why: 'misfit', text: error.message }
  }
}

/** Undefined where the salt is gone: it is all zero once something of the entry was erased. */
export function rowOpening(salts: Buffer | undefined, seq: number): Opening | undefined {
  const at = (seq % SALTED_SEQS) * SALT_BYTES
  const salt = salts?.subarray(at, at + SALT_BYTES)
  if (salt?.length !== SALT_BYTES || salt.every((byte) => byte === 0)) return undefined
  return { salt: salt.toString('hex') }
}

/** What an opening and the list of fields say was erased. */
export function erasedFields({ fields, opening }: Erasure): readonly CommittedField[] {
  const opened = COMMITTED_FIELDS.filter((field) => {
    const one: unknown = Reflect.get(Object(opening), field)
    return typeof one === 'object' && one !== null && 'erased' in one
  })
  return COMMITTED_FIELDS.filter((field) => fields.includes(field) || opened.includes(field))
}

/** The value of a field in the line. */
export function fieldIn(row: ExportRow, field: CommittedField): string | null {
  switch (field) {
    case 'user_id':
      return row.userId
    case 'actor_id':
      return row.actorId
    case 'target_id':
      return row.targetId
    case 'more_targets':
      return row.moreTargets
    case 'request_id':
      return row.requestId
    case 'metadata':
      return row.metadata === '{}' ? null : row.metadata
    case 'context':
      return row.context === '{}' ? null : row.context
  }
}
