import { inspect } from 'node:util'
import { nearest } from '../options.ts'
import { matches } from './matching.ts'
import type { MemoryEntry } from './memory-recorder.ts'

/** An entry as a test finds it. */
export type RecordedEntry = Omit<MemoryEntry, 'lane'>

/** Where entries were recorded: a memory recorder, or a list. */
export type Recorded = { readonly entries: readonly RecordedEntry[] } | readonly RecordedEntry[]

/** Where entries are read from a database: a PGlite log. */
export interface RecordedLater {
  entries(): Promise<readonly RecordedEntry[]>
}

/** What is expected of an entry. A field that is left out may have any value. */
export type ExpectedEntry = { readonly [Field in Exclude<keyof MemoryEntry, 'action'>]?: unknown }

export interface Verdict {
  readonly isRecorded: boolean
  /** The entry that fits, or the nearest one. */
  readonly entry: RecordedEntry | undefined
  /** What a failed test says. */
  readonly message: string
}

const FIELDS: readonly (keyof MemoryEntry)[] = [
  ...(['id', 'occurredAt', 'userId', 'eventId', 'targetId', 'entityType', 'requestId'] as const),
  ...(['moreTargets', 'outcome', 'actorId', 'actorKind', 'metadata', 'context', 'lane'] as const),
]
const IDS: ReadonlySet<string> = new Set(['userId', 'eventId', 'targetId', 'actorId'])
const MAX_LISTED = 20

/** Looks for an entry among those that were recorded. */
export function judge(
  entries: readonly RecordedEntry[],
  action: string,
  expected: ExpectedEntry = {},
): Verdict {
  for (const field of Object.keys(expected)) {
    if (FIELDS.some((known) => known === field)) continue
    throw new TypeError(
      `An entry has no field "${field}". Did you mean "${nearest(field, FIELDS)}"? ` +
        `Known: ${FIELDS.join(', ')}.`,
    )
  }
  const fits = entries.find((one) => one.action === action && misfits(one, expected).length === 0)
  const wanted = Object.keys(expected).length > 0 ? `${action} with ${shown(expected)}` : action
  if (fits) {
    return {
      ...{ isRecorded: true, entry: fits },
      message: `Expected no entry ${wanted}. This one was recorded:\n  ${shown(fits)}`,
    }
  }
  const near = nearestEntry(entries, action, expected)
  return {
    ...{ isRecorded: false, entry: near },
    message: [`Expected an entry ${wanted}.`, ...explain(entries, near, action, expected)].join(
      '\n',
    ),
  }
}

/** The entries of a place that has them at hand or reads them from a database. */
export function entriesOf(
  recorded: unknown,
): readonly RecordedEntry[] | Promise<readonly RecordedEntry[]> {
  if (Array.isArray(recorded)) return recorded
  const entries: unknown = Reflect.get(Object(recorded), 'entries')
  if (Array.isArray(entries)) return entries
  if (typeof entries === 'function') return entries.call(recorded)
  throw new TypeError(
    'Give the recorder of createMemoryRecorder(), the log of createPgliteLog(), or a list of ' +
      'entries. Another recorder cannot tell what it recorded.',
  )
}

function misfits(entry: RecordedEntry, expected: ExpectedEntry): readonly string[] {
  return Object.entries(expected)
    .filter(([field, wanted]) => {
      const isNumber = IDS.has(field) && typeof wanted === 'number'
      return !matches(Reflect.get(entry, field), isNumber ? String(wanted) : wanted)
    })
    .map(([field]) => field)
}

/** One of the same action if there is one, else one of the most similar name. */
function nearestEntry(
  entries: readonly RecordedEntry[],
  action: string,
  expected: ExpectedEntry,
): RecordedEntry | undefined {
  if (entries.length === 0) return undefined
  const name = nearest(
    action,
    entries.map((entry) => entry.action),
  )
  const same = entries.filter((entry) => entry.action === action)
  const candidates = same.length > 0 ? same : entries.filter((entry) => entry.action === name)
  return candidates.reduce((best, one) =>
    misfits(one, expected).length < misfits(best, expected).length ? one : best,
  )
}

function explain(
  entries: readonly RecordedEntry[],
  near: RecordedEntry | undefined,
  action: string,
  expected: ExpectedEntry,
): readonly string[] {
  if (near === undefined) return ['Nothing was recorded.']
  const wrong = misfits(near, expected).map(
    (field) =>
      `  ${field}: expected ${shown(Reflect.get(expected, field))}, recorded ${shown(Reflect.get(near, field))}`,
  )
  const name = near.action === action ? near.action : `${near.action}, another action`
  const names = entries.slice(0, MAX_LISTED).map((entry) => entry.action)
  const more = entries.length > MAX_LISTED ? `, and ${entries.length - MAX_LISTED} more` : ''
  return [`Nearest: ${name}`, ...wrong, `Recorded: ${names.join(', ')}${more}`]
}

function shown(value: unknown): string {
  return inspect(value, { depth: 6, breakLength: 100, maxArrayLength: 20, maxStringLength: 200 })
}
