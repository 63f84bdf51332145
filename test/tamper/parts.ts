import { ENTRIES, NOTHING, REMOVALS, UNSEALED } from './entries.ts'
import { SEALS } from './seals.ts'
import type { Tampering } from './tampering.ts'

/** All tamperings, by what they are done to. */
export const PARTS: Readonly<Record<string, readonly Tampering[]>> = {
  nothing: [NOTHING],
  entries: ENTRIES,
  removals: REMOVALS,
  unsealed: UNSEALED,
  seal: SEALS,
}
