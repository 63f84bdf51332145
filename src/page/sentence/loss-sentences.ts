import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { TextKey } from '../language/texts.ts'
import type { Words } from '../language/words.ts'
import { shortened } from './plain-text.ts'
import { type SentencePart, textIn, textPart } from './sentence-parts.ts'

/** Actions of entries that report missing entries. */
export const LOSS_ACTIONS: ReadonlySet<string> = new Set(['audit.gap', 'audit.drop'])

const MAX_VALUE_LENGTH = 48
const MAX_REASONS = 5
const REASONS = {
  full: 'dropFull',
  unshapable: 'dropUnshapable',
  reserved: 'dropReserved',
  closed: 'dropClosed',
  reentrant: 'dropReentrant',
  disabled: 'dropDisabled',
  timeout: 'dropTimeout',
  refused: 'dropRefused',
} as const satisfies Record<string, TextKey>

/** Says "may", because a recorder that still runs sends what it still has again. */
export function gapSentence({ metadata }: LoggedEntry, words: Words): SentencePart[] {
  const lane = shortened(textIn(metadata, 'lane') ?? words.say('aLane'), MAX_VALUE_LENGTH)
  const recorders: unknown = metadata['recorders']
  const limits: readonly unknown[] = Array.isArray(recorders)
    ? recorders.map((recorder) => Reflect.get(Object(recorder), 'lostAtMost'))
    : []
  const isLimited = limits.length > 0 && limits.every((limit) => typeof limit === 'number')
  const total = limits.reduce<number>((sum, limit) => sum + Number(limit), 0)
  return [
    textPart(isLimited ? words.count('gapAtMost', total, { lane }) : words.say('gap', { lane })),
  ]
}

/** How many entries a recorder dropped, and why. */
export function dropSentence({ metadata }: LoggedEntry, words: Words): SentencePart[] {
  const counts = Object.entries(Object(metadata['dropped'])).filter(
    (one): one is [string, number] => typeof one[1] === 'number' && one[1] > 0,
  )
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  if (total === 0) return [textPart(words.say('dropped'))]
  const reasons = counts.slice(0, MAX_REASONS).map(([name, count]) => {
    const reason = isReason(name) ? words.say(REASONS[name]) : shortened(name, MAX_VALUE_LENGTH)
    return counts.length === 1 ? reason : `${words.number(count)} ${reason}`
  })
  return [textPart(words.count('droppedSome', total, { reasons: reasons.join(', ') }))]
}

function isReason(name: string): name is keyof typeof REASONS {
  return Object.hasOwn(REASONS, name)
}
