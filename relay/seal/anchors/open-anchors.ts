import { optionInvalid } from '../../../src/errors.ts'
import type { Policy } from '../../../src/seal/policy.ts'
import type { Anchor } from './anchor.ts'
import { commandAnchor } from './command-anchor.ts'
import { witnessAnchor } from './witness-anchor.ts'

export interface AnchorChoice {
  /** `AUDIT_ANCHOR_COMMAND`. */
  readonly command?: string | undefined
  /** Its witnesses that have a URL are asked. */
  readonly policy?: Policy | undefined
}

/** The anchors that settings ask for, besides the file. */
export function openAnchors({ command, policy }: AnchorChoice): readonly Anchor[] {
  const witnesses = (policy?.witnesses ?? []).flatMap(({ vkey, url }) =>
    url === undefined ? [] : [witnessAnchor({ vkey, url })],
  )
  if (command === undefined) return witnesses
  if (command.trim() === '') throw optionInvalid('AUDIT_ANCHOR_COMMAND is empty: leave it out.')
  return [commandAnchor({ command }), ...witnesses]
}
