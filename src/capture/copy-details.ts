import type { Copier } from '../copy/copier.ts'
import { type JsonObject, merge } from '../copy/json-object.ts'

/**
 * Keys that the encoder writes. A caller's key of the same name could be mistaken for one of them.
 */
const RESERVED_DETAILS = ['degraded', 'redacted', 'invalid'] as const

/** Copies the `context` of an entry, or a bound context. */
export function copyDetails(copier: Copier, given: unknown, room: number): JsonObject | undefined {
  const copy = copier.copyRootWithin(room, given, 'context')
  for (const name of RESERVED_DETAILS) {
    if (!(name in copy)) continue
    copier.notes.markEntry('context.reserved')
    return merge(undefined, copy, RESERVED_DETAILS)
  }
  return copy
}
