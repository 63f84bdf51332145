import { type Account, compareDocument, isCensored, isHead, isObject } from './difference.ts'
import type { Given } from './given.ts'
import { type Notes, notesIn } from './notes.ts'

/** An entry as a reader or an export shows it. */
export interface Kept {
  readonly action: string
  /** ISO 8601 text in UTC; with milliseconds where a reader gives a `Date`. */
  readonly occurredAt: string
  readonly userId: string | null
  readonly eventId: string | null
  readonly targetId: string | null
  readonly actorId: string | null
  readonly actorKind: string | null
  readonly outcome: string | null
  readonly requestId: string | null
  readonly entityType: string | null
  readonly metadata: unknown
  readonly context: unknown
}

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i
const MAX_CHARACTERS = { action: 128, requestId: 256, entityType: 256, id: 256 } as const

/** Compares a whole entry, and adds what it finds to the account. */
export function compareEntry(given: Given, kept: Kept, account: Account): void {
  if (!isObject(kept.context)) {
    account.unmarked.push('context is no object')
    return
  }
  const { notes, details } = notesIn(kept.context)
  const note = (path: string, verdict: 'same' | 'declared' | 'unmarked') => {
    account.values += 1
    if (verdict === 'declared') account.declared += 1
    if (verdict === 'unmarked') account.unmarked.push(path)
  }
  for (const name of ['action', 'requestId', 'entityType'] as const) {
    note(name, verdictOnText(name, given[name], kept[name], notes))
  }
  for (const name of ['actorKind', 'outcome'] as const) {
    note(name, (given[name] ?? null) === kept[name] ? 'same' : 'unmarked')
  }
  for (const name of ['userId', 'eventId', 'targetId', 'actorId'] as const) {
    note(name, verdictOnId(name, given[name], kept[name], notes))
  }
  note('occurredAt', verdictOnTime(given.occurredAt, kept.occurredAt, notes))
  compareDocument(given.metadata, kept.metadata, { root: 'metadata', notes, account })
  compareDocument(given.context, details, { root: 'context', notes, account })
}

function verdictOnText(
  name: 'action' | 'requestId' | 'entityType',
  given: string | undefined,
  kept: string | null,
  notes: Notes,
) {
  if ((given ?? '') === (kept ?? '')) return 'same'
  return given !== undefined && isNoted(name, given, kept, notes, MAX_CHARACTERS[name])
    ? 'declared'
    : 'unmarked'
}

/** A column holds UUIDs alone. The log keeps any other text in `invalid`. */
function verdictOnId(
  name: 'userId' | 'eventId' | 'targetId' | 'actorId',
  given: string | undefined,
  kept: string | null,
  notes: Notes,
) {
  if (given === undefined || given === '') return kept === null ? 'same' : 'unmarked'
  if (UUID.test(given)) return kept === given.toLowerCase() ? 'same' : 'unmarked'
  if (kept !== null || !notes.marks.has(`${name}.invalid`)) return 'unmarked'
  const text = notes.invalid[name]
  const isKept = text === given || isNoted(name, given, text, notes, MAX_CHARACTERS.id)
  return isKept ? 'declared' : 'unmarked'
}

function isNoted(name: string, given: string, kept: unknown, notes: Notes, most: number): boolean {
  if (typeof kept !== 'string') return false
  if (notes.marks.has(`${name}.truncated`) && given.length > most) {
    return isHead(given, kept) || (given.startsWith(kept) && kept.length >= most - 1)
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: columns hold none
  const oneLine = given.replace(/[\0-\x1f]|\p{Surrogate}/gu, '\ufffd')
  if (notes.marks.has(`${name}.characters`) && oneLine === kept) return true
  return notes.isRedacted(name) && isCensored(given, kept)
}

/** Reads what was given by the documentation's own table. */
function verdictOnTime(given: string | number | undefined, kept: string, notes: Notes) {
  if (given === undefined) return Number.isNaN(Date.parse(kept)) ? 'unmarked' : 'same'
  const { marks, invalid } = notes
  if (typeof given === 'number') {
    const isSeconds = given >= 1e8 && given < 1e11
    if (Date.parse(kept) !== Math.trunc(isSeconds ? given * 1_000 : given)) return 'unmarked'
    if (isSeconds !== marks.has('occurredAt.seconds')) return 'unmarked'
    return isSeconds ? 'declared' : 'same'
  }
  const hasZone = /(?:Z|[+-]\d\d:?\d\d)$/.test(given)
  const ms = Date.parse(hasZone ? given : `${given.replace(' ', 'T')}Z`)
  const isKept = invalid['occurredAt'] === given
  if (Number.isNaN(ms)) return isKept && marks.has('occurredAt.invalid') ? 'declared' : 'unmarked'
  if (Date.parse(kept) !== ms || hasZone === marks.has('occurredAt.zone')) return 'unmarked'
  const digits = /\.(\d+)/.exec(given)?.[1] ?? ''
  const isRounded = marks.has('occurredAt.rounded')
  // Where the column holds microseconds, six digits are kept.
  if (/[1-9]/.test(digits.slice(isRounded ? 3 : 6)) && !(isRounded && isKept)) return 'unmarked'
  return isRounded || !hasZone ? 'declared' : 'same'
}
