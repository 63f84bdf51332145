import type { LoggedEntry } from '../../read/logged-entry.ts'
import { shortened } from './plain-text.ts'
import { type SentencePart, textIn, textPart } from './sentence-parts.ts'

/** Actions of entries that report missing entries. */
export const LOSS_ACTIONS: ReadonlySet<string> = new Set(['audit.gap', 'audit.drop'])

const MAX_VALUE_LENGTH = 48
const MAX_REASONS = 5
const REASONS: Readonly<Record<string, string>> = {
  full: 'the buffer was full',
  unshapable: 'not a valid entry',
  reserved: 'its action is the product’s own',
  closed: 'recorded after close()',
  reentrant: 'recorded inside record()',
  disabled: 'no database is configured',
  timeout: 'not written before the close timeout',
  refused: 'refused by the database',
}

/** Says "may", because a recorder that still runs sends what it still has again. */
export function gapSentence({ metadata }: LoggedEntry): SentencePart[] {
  const lane = textIn(metadata, 'lane') ?? 'a lane'
  const recorders: unknown = metadata['recorders']
  const limits: readonly unknown[] = Array.isArray(recorders)
    ? recorders.map((recorder) => Reflect.get(Object(recorder), 'lostAtMost'))
    : []
  const isLimited = limits.length > 0 && limits.every((limit) => typeof limit === 'number')
  const total = limits.reduce<number>((sum, limit) => sum + Number(limit), 0)
  const atMost = isLimited ? `, at most ${total}` : ''
  const what = `${shortened(lane, MAX_VALUE_LENGTH)} was emptied before all of it was moved to the log`
  return [textPart(`Entries may be missing here${atMost}: ${what}`)]
}

/** How many entries a recorder dropped, and why. */
export function dropSentence({ metadata }: LoggedEntry): SentencePart[] {
  const counts = Object.entries(Object(metadata['dropped'])).filter(
    (one): one is [string, number] => typeof one[1] === 'number' && one[1] > 0,
  )
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return [textPart('Entries are missing here: a recorder dropped them')]
  const which = total === 1 ? '1 entry is' : `${total.toLocaleString('en')} entries are`
  const reasons = counts.slice(0, MAX_REASONS).map(([name, count]) => {
    const reason = Object.hasOwn(REASONS, name) ? REASONS[name] : shortened(name, MAX_VALUE_LENGTH)
    return counts.length === 1 ? reason : `${count.toLocaleString('en')} ${reason}`
  })
  return [textPart(`${which} missing here, dropped by a recorder: ${reasons.join(', ')}`)]
}
