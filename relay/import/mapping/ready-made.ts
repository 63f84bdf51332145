import type { Mapping, Source } from './mapping.ts'

/** A polymorphic id of Laravel: the number alone is that of any table. */
const laravelId = (id: string, type: string): Source => ({
  column: id,
  uuid: { namespace: { column: type } },
})

const SPATIE: Mapping = {
  query: 'select * from public.activity_log',
  key: 'id',
  timeZone: 'UTC',
  entry: {
    occurredAt: 'created_at',
    action: {
      concat: [
        {
          column: 'subject_type',
          as: 'word',
          else: { column: 'log_name', as: 'word', else: { constant: 'activity' } },
        },
        { constant: '.' },
        {
          column: 'event',
          as: 'word',
          words: { created: 'create', updated: 'update', deleted: 'delete', restored: 'restore' },
          else: { column: 'description', as: 'word' },
        },
      ],
    },
    userId: laravelId('causer_id', 'causer_type'),
    entityType: { column: 'subject_type', as: 'word' },
    targetId: laravelId('subject_id', 'subject_type'),
    metadata: { from: 'properties', fields: { description: 'description' } },
    context: {
      fields: {
        logName: 'log_name',
        causerType: 'causer_type',
        causerId: 'causer_id',
        subjectType: 'subject_type',
        subjectId: 'subject_id',
      },
    },
  },
}

const CLOUDTRAIL: Mapping = {
  records: 'Records',
  key: 'eventID',
  timeZone: 'UTC',
  entry: {
    occurredAt: 'eventTime',
    action: {
      concat: [
        { column: 'eventSource', match: '^[^.]+', as: 'word', else: { constant: 'aws' } },
        { constant: '.' },
        { column: 'eventName', as: 'word' },
      ],
    },
    userId: {
      column: 'userIdentity',
      path: 'arn',
      else: {
        column: 'userIdentity',
        path: 'principalId',
        else: { column: 'userIdentity', path: 'invokedBy' },
      },
      uuid: { namespace: 'aws' },
    },
    eventId: { column: 'recipientAccountId', uuid: { namespace: 'aws account' } },
    entityType: { column: 'eventSource', match: '^[^.]+', as: 'word' },
    targetId: { column: 'resources', path: '0.ARN', uuid: { namespace: 'aws' } },
    requestId: 'requestID',
    outcome: {
      column: 'errorCode',
      words: {
        AccessDenied: 'denied',
        AccessDeniedException: 'denied',
        UnauthorizedOperation: 'denied',
        'Client.UnauthorizedOperation': 'denied',
        '*': 'failed',
      },
    },
    metadata: {
      fields: {
        requestParameters: 'requestParameters',
        responseElements: 'responseElements',
        resources: 'resources',
        errorCode: 'errorCode',
        errorMessage: 'errorMessage',
      },
    },
    context: {
      fields: {
        ip: 'sourceIPAddress',
        userAgent: 'userAgent',
        region: 'awsRegion',
        userIdentity: 'userIdentity',
        account: 'recipientAccountId',
        readOnly: 'readOnly',
      },
    },
  },
}

const PLAIN: Mapping = {
  entry: {
    occurredAt: 'created_at',
    action: 'action',
    userId: { column: 'user_id', uuid: { namespace: 'users' } },
    eventId: { column: 'event_id', uuid: { namespace: 'events' } },
    entityType: 'entity_type',
    targetId: { column: 'target_id', uuid: { namespace: { column: 'entity_type' } } },
    requestId: 'request_id',
    metadata: 'metadata',
  },
}

/** Mappings for old logs that many have, by the names that `--map` takes. */
export const READY_MADE: Readonly<Record<string, Mapping>> = {
  spatie: SPATIE,
  cloudtrail: CLOUDTRAIL,
  plain: PLAIN,
}
