import type { TargetComparison, TargetHistory } from '../../timeline/index.ts'
import { ENTRY_SCHEMA, entryJson } from './entry-json.ts'
import type { JsonSchema } from './json-schema.ts'

/** A history as JSON has it. A value that is not there is left out. */
export function historyJson(history: TargetHistory): Readonly<Record<string, unknown>> {
  const line = history.line.map(({ entry, ...told }) => ({ ...told, entry: entryJson(entry) }))
  return { ...history, line }
}

/** The state at two times. */
export function comparisonJson({
  from,
  to,
  fields,
}: TargetComparison): Readonly<Record<string, unknown>> {
  return { from: historyJson(from), to: historyJson(to), fields }
}

const TEXT: JsonSchema = { type: 'string' }
const TEXT_OR_NULL: JsonSchema = { type: ['string', 'null'] }
const TIME: JsonSchema = { type: 'string', format: 'date-time' }
const TIME_OR_NULL: JsonSchema = { type: ['string', 'null'], format: 'date-time' }
const FLAG: JsonSchema = { type: 'boolean' }
const ANY: JsonSchema = {}

function object(required: readonly string[], properties: Record<string, JsonSchema>): JsonSchema {
  return { type: 'object', additionalProperties: false, required, properties }
}

function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items }
}

const WHO = { userId: TEXT_OR_NULL, actorId: TEXT_OR_NULL, actorKind: TEXT_OR_NULL }
const NAMED_FIELDS = {
  ...{ id: TEXT, seq: { type: 'integer' }, recordedAt: TIME, action: TEXT, eventId: TEXT_OR_NULL },
  ...WHO,
} as const
const NAMED: JsonSchema = object(Object.keys(NAMED_FIELDS), {
  ...NAMED_FIELDS,
  shownAs: object([], { userId: TEXT, actorId: TEXT }),
})
const NAMED_OR_NULL: JsonSchema = { ...NAMED, type: ['object', 'null'] }
const TOLD: JsonSchema = object(['entry'], { value: ANY, entry: NAMED })
const DOUBT: JsonSchema = object(['path', 'why', 'told', 'found'], {
  ...{ path: TEXT, told: TOLD, found: TOLD },
  why: { type: 'string', enum: ['past the log', 'attempted', 'unreadable'] },
})
const FIELD: JsonSchema = object(['path', 'state', 'since'], {
  ...{ path: TEXT, value: ANY, since: NAMED_OR_NULL, doubt: DOUBT, next: TOLD },
  state: { type: 'string', enum: ['known', 'in doubt', 'erased', 'unknown'] },
})
const MOMENT: JsonSchema = object(['entry', 'kind', 'changes'], {
  entry: ENTRY_SCHEMA,
  kind: { type: 'string', enum: ['change', 'begin', 'end', 'attempt', 'blank'] },
  changes: listOf(object(['path'], { path: TEXT, from: ANY, to: ANY, doubt: DOUBT })),
})
const LOOKED_FIELDS = {
  ...{ entries: { type: 'integer' }, since: TIME_OR_NULL, isAll: FLAG },
  ...{ removedBefore: TIME_OR_NULL, mayLackChanges: FLAG, hasMoreFields: FLAG },
} as const
const HISTORY_FIELDS = {
  ...{ targetId: TEXT, at: TIME },
  life: object(['state', 'entry'], {
    state: { type: 'string', enum: ['there', 'deleted', 'not made yet', 'unknown'] },
    entry: NAMED_OR_NULL,
  }),
  fields: listOf(FIELD),
  line: listOf(MOMENT),
  doubts: listOf(DOUBT),
  nextCursor: TEXT_OR_NULL,
  looked: object(Object.keys(LOOKED_FIELDS), LOOKED_FIELDS),
} as const

/** What `historyJson` makes. */
export const HISTORY_SCHEMA: JsonSchema = object(Object.keys(HISTORY_FIELDS), HISTORY_FIELDS)

/** What `comparisonJson` makes. */
export const COMPARISON_SCHEMA: JsonSchema = object(['from', 'to', 'fields'], {
  ...{ from: HISTORY_SCHEMA, to: HISTORY_SCHEMA },
  fields: listOf(
    object(['path', 'is'], {
      ...{ path: TEXT, from: FIELD, to: FIELD },
      is: { type: 'string', enum: ['same', 'different', 'unsure'] },
    }),
  ),
})
