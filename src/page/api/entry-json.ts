import type { LoggedEntry } from '../../read/logged-entry.ts'
import { shallowEntry } from '../view/shallow-entry.ts'
import type { JsonSchema } from './json-schema.ts'

/** An entry as JSON has it. Its times are texts in UTC. */
export function entryJson(entry: LoggedEntry): Readonly<Record<string, unknown>> {
  const { occurredAt, loggedAt, ...others } = shallowEntry(entry)
  const times = { occurredAt: occurredAt.toISOString(), loggedAt: loggedAt.toISOString() }
  return { ...others, ...times }
}

const TEXT: JsonSchema = { type: 'string' }
const TEXT_OR_NULL: JsonSchema = { type: ['string', 'null'] }
const TIME: JsonSchema = { type: 'string', format: 'date-time' }

/** What `entryJson` makes. */
export const ENTRY_SCHEMA: JsonSchema = {
  type: 'object',
  additionalProperties: false,
  required: [
    ...['id', 'seq', 'occurredAt', 'loggedAt', 'writtenBy', 'action', 'metadata', 'context'],
    ...['userId', 'eventId', 'targetId', 'moreTargets', 'outcome', 'actorId', 'actorKind'],
    ...['entityType', 'requestId', 'recorderId', 'recorderSeq'],
  ],
  properties: {
    id: TEXT,
    seq: { type: 'integer' },
    occurredAt: TIME,
    loggedAt: TIME,
    writtenBy: TEXT,
    action: TEXT,
    userId: TEXT_OR_NULL,
    eventId: TEXT_OR_NULL,
    targetId: TEXT_OR_NULL,
    moreTargets: { type: ['array', 'null'], items: TEXT },
    outcome: TEXT_OR_NULL,
    actorId: TEXT_OR_NULL,
    actorKind: TEXT_OR_NULL,
    entityType: TEXT_OR_NULL,
    requestId: TEXT_OR_NULL,
    metadata: { type: 'object' },
    context: { type: 'object' },
    recorderId: TEXT_OR_NULL,
    recorderSeq: { type: ['integer', 'null'] },
    unreadable: { type: 'boolean' },
    erased: { type: 'array', items: TEXT },
    shownAs: {
      type: 'object',
      description: 'The name in the place of an id that the reader does not see',
      additionalProperties: false,
      properties: { userId: TEXT, actorId: TEXT },
    },
  },
}
