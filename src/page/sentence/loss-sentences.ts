import type { LoggedEntry } from '../../read/logged-entry.ts'
import { shortened } from './plain-text.ts'
import { type Piece, text, textIn } from './sentence-parts.ts'

/** Entries by which the log tells of others that it does not hold. */
export const DECLARED_LOSSES: ReadonlySet<string> = new Set(['audit.gap', 'audit.drop'])

const MAX_VALUE = 48
const MAX_REASONS = 5
const REASONS: Readonly<Record<string, string>> = {
  full: 'the buffer was full',
  unshapable: 'not an entry',
  closed: 'recorded after close()',
  reentrant: 'recorded from inside record()',
  disabled: 'no database is configured',
  timeout: 'still unwritten when closing ran out of time',
  refused: 'refused by the database',
}

/** Says only what the entry says. A recorder that lives sends again what it still has: so "may". */
export function gapSentence({ metadata }: LoggedEntry): Piece[] {
  const lane = textIn(metadata, 'lane') ?? 'a lane'
  const recorders: unknown = metadata['recorders']
  const bounds: readonly unknown[] = Array.isArray(recorders)
    ? recorders.map((recorder) => Reflect.get(Object(recorder), 'lostAtMost'))
    : []
  const isBounded = bounds.length > 0 && bounds.every((most) => typeof most === 'number')
  const most = isBounded ? `, at most ${bounds.reduce<number>((sum, n) => sum + Number(n), 0)}` : ''
  const what = `${shortened(lane, MAX_VALUE)} was emptied before all of it was moved to the log`
  return [text(`Entries may be missing here${most}: ${what}`)]
}

/** What a recorder could not keep, as it says itself: how many, and why. */
export function dropSentence({ metadata }: LoggedEntry): Piece[] {
  const counts = Object.entries(Object(metadata['dropped'])).filter(
    (one): one is [string, number] => typeof one[1] === 'number' && one[1] > 0,
  )
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return [text('Entries are missing here: a recorder dropped them')]
  const which = total === 1 ? '1 entry is' : `${total.toLocaleString('en')} entries are`
  const why = counts.slice(0, MAX_REASONS).map(([reason, count]) => {
    const said = Object.hasOwn(REASONS, reason) ? REASONS[reason] : shortened(reason, MAX_VALUE)
    return counts.length === 1 ? said : `${count.toLocaleString('en')} ${said}`
  })
  return [text(`${which} missing here, dropped by a recorder: ${why.join(', ')}`)]
}
