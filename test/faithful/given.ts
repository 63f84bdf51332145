import { ACTOR_KINDS, type ActorKind, OUTCOMES, type Outcome } from '../../src/entry.ts'
import type { AuditRecord } from './records.ts'

/** An entry as an application gives it: JSON, in the library's names. */
export interface Given {
  readonly action: string
  readonly occurredAt: string | number | undefined
  readonly userId: string | undefined
  readonly eventId: string | undefined
  readonly targetId: string | undefined
  readonly actorId: string | undefined
  readonly actorKind: ActorKind | undefined
  readonly outcome: Outcome | undefined
  readonly requestId: string | undefined
  readonly entityType: string | undefined
  readonly metadata: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
}

/** Where records keep what an entry has a field for. The first one that a record has is taken. */
const PLACES = {
  action:
    'eventName methodName protoPayload.methodName eventType operationName.value verb action.type action Operation type audit_type EVENT_TYPE kind events.0.name',
  occurredAt:
    'eventTime timestamp eventTimestamp requestReceivedTimestamp when START_TIME @timestamp created_at published date CreationTime date_create id.time created TIMESTAMP_DERIVED log_time',
  userId:
    'userIdentity.arn protoPayload.authenticationInfo.principalEmail caller user.uid actor.id actor.user.id USER_NAME actor author_id actor.email user_id UserId USER_ID user_name',
  eventId:
    'recipientAccountId resource.labels.project_id owner.id org OrganizationId ORGANIZATION_ID',
  targetId:
    'resources.0.ARN protoPayload.resourceName resourceId objectRef.name resource.id repo target.0.id ObjectId entity.file.id data.object.id object_name',
  requestId:
    'requestID insertId correlationId auditID QUERY_ID _document_id transaction.id log_id Id request.id REQUEST_ID id uuid',
  entityType:
    'resources.0.type resource.type objectRef.resource entity_type target.0.type entity.type data.object.object object_type',
  ip: 'sourceIPAddress protoPayload.requestMetadata.callerIp httpRequest.clientIpAddress sourceIPs.0 actor.ip client.ipAddress ip ClientIP context.ip_address ipAddress CLIENT_IP details.ip_address connection_from',
  userAgent:
    'userAgent protoPayload.requestMetadata.callerSuppliedUserAgent user_agent client.userAgent.rawUserAgent context.ua',
} as const

/** The whole record is the entry's metadata. Its ids, time and address are given a second time. */
export function givenBy({ system, record }: AuditRecord, number: number): Given {
  const find = (name: keyof typeof PLACES) =>
    PLACES[name]
      .split(' ')
      .map((place) => valueAt(record, place))
      .find((value): value is string | number =>
        typeof value === 'string' ? value !== '' : typeof value === 'number',
      )
  const text = (name: keyof typeof PLACES) => {
    const found = find(name)
    return found === undefined ? undefined : String(found)
  }
  return {
    action: `${system}.${text('action') ?? 'unnamed'}`,
    occurredAt: find('occurredAt'),
    userId: text('userId'),
    eventId: text('eventId'),
    targetId: text('targetId'),
    // No record says these in these words, so every second one has them by its number.
    actorId: number % 2 === 0 ? text('eventId') : undefined,
    actorKind: number % 2 === 0 ? ACTOR_KINDS[(number / 2) % 5] : undefined,
    outcome: OUTCOMES[number % 6],
    requestId: text('requestId'),
    entityType: text('entityType'),
    metadata: record,
    context: { record: number, ip: text('ip') ?? null, userAgent: text('userAgent') ?? '' },
  }
}

function valueAt(record: unknown, place: string): unknown {
  // A key may hold dots itself, but not in these records.
  let value = record
  for (const key of place.split('.')) {
    if (typeof value !== 'object' || value === null) return undefined
    value = Reflect.get(value, key)
  }
  return value
}
