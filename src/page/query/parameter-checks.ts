import { ACTOR_KINDS, MAX_ACTION_CHARACTERS, MAX_TEXT_CHARACTERS, OUTCOMES } from '../../entry.ts'
import { MAX_QUERY_CHARACTERS } from '../../query/parse-query.ts'
import type { FieldName } from './address.ts'

/** What a parameter takes: words, a text up to a length, a pattern, or a whole number. */
export interface ParameterCheck {
  readonly says: string
  readonly words?: readonly string[]
  readonly pattern?: RegExp
  readonly maxLength?: number
  readonly min?: number
  readonly max?: number
}

const SWITCH = ['1'] as const
const ID = { maxLength: MAX_TEXT_CHARACTERS } as const

const FIELD_CHECKS: Readonly<Record<FieldName, ParameterCheck>> = {
  action: { says: 'An action, or all of an entity: refund.*', maxLength: MAX_ACTION_CHARACTERS },
  user: { says: 'The id of who did it', ...ID },
  event: { says: 'The id of the event (tenant, project, site)', ...ID },
  target: { says: 'The id of the first thing that it was done to', ...ID },
  request: { says: 'The id of a request', maxLength: MAX_TEXT_CHARACTERS },
  outcome: { says: 'What became of it, where it did not happen', words: OUTCOMES },
  actor: { says: 'The id of who acted for the user', ...ID },
  kind: { says: 'What the actor is', words: ACTOR_KINDS },
  also: { says: 'The id of a further target', ...ID },
}

/**
 * What each parameter takes. `readQuery` refuses what is not so, and the page's description of its
 * parameters is made from it.
 */
export const PARAMETER_CHECKS = {
  q: { says: 'The query line', maxLength: MAX_QUERY_CHARACTERS },
  ...FIELD_CHECKS,
  range: { says: 'A time range, such as -24h, yesterday, 3 May or 3 May..5 May' },
  from: { says: 'Recorded from this time on, such as 2026-11-22T14:05Z' },
  to: { says: 'Recorded before this time' },
  cursor: { says: 'nextCursor or prevCursor of another page of the same filter' },
  order: { says: 'The oldest entries, and as JSON the oldest first', words: ['oldest'] },
  limit: { says: 'The most entries of a page. Default: 50', min: 1, max: 500 },
  entry: { says: 'The id of one entry, which is the answer', pattern: /^[0-9a-fA-F-]{36}$/ },
  history: { says: 'The id of a thing, whose history is the answer', ...ID },
  at: { says: 'Of a history: its state at this time. A day is its end. Default: now' },
  since: { says: 'Of a history: an earlier time that it is compared with' },
  live: { says: 'The list as a live view', words: SWITCH },
  bars: { says: 'The histogram stays open', words: SWITCH },
  reads: { says: 'Who has read the log, too', words: SWITCH },
  export: { says: 'All matching entries as a file', words: ['ndjson', 'csv'] },
  proof: { says: 'The entry with its seal, or the proof of it', words: ['line', 'proof'] },
  stream: { says: 'New entries as server-sent events', words: SWITCH },
  after: { says: 'The stream begins after the entry of this number', pattern: /^\d{1,15}$/ },
  part: { says: 'A part of the page alone', words: ['entry', 'histogram', 'views'] },
  zone: { says: 'The time zone of times without one, such as Europe/Berlin' },
  openapi: { says: 'This description', words: SWITCH },
} as const satisfies Readonly<Record<string, ParameterCheck>>

export type ParameterName = keyof typeof PARAMETER_CHECKS

/** What is wrong with the value of a parameter that takes one of a few words, or a pattern. */
export function wordProblem(name: string, value: string): string | undefined {
  const check: ParameterCheck | undefined = Object.hasOwn(PARAMETER_CHECKS, name)
    ? PARAMETER_CHECKS[name as ParameterName]
    : undefined
  if (check?.pattern && !check.pattern.test(value)) return PATTERN_PROBLEMS[name]
  if (check?.words === undefined || check.words.includes(value)) return undefined
  const [only, ...others] = check.words
  if (others.length === 0) return `Must be ${only} or left out.`
  return `Must be ${check.words.slice(0, -1).join(', ')} or ${check.words.at(-1)}.`
}

const PATTERN_PROBLEMS: Readonly<Record<string, string>> = {
  after: 'Must be the sequence number of an entry.',
  entry: 'Must be the id of an entry, a UUID.',
}
