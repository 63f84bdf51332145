import { address, agentOf, hex, mailOf, nameOf, pick, time, unixMs, uuid } from './values.ts'

// Records in the shapes that the public documentation of cloud platforms gives for their audit logs.
// The values are made up.

type MakeRecord = (n: number) => Record<string, unknown>

/** AWS CloudTrail, record contents. */
export const cloudTrail: MakeRecord = (n) => ({
  eventVersion: '1.09',
  userIdentity: {
    type: pick(['IAMUser', 'AssumedRole', 'Root'], n),
    principalId: `AIDA${hex(n, 16).toUpperCase()}`,
    arn: `arn:aws:iam::${100_000_000_000 + n}:user/${nameOf(n)}`,
    accountId: String(100_000_000_000 + n),
    accessKeyId: `ASIA${hex(n, 16).toUpperCase()}`,
    sessionContext: {
      attributes: { creationDate: time(n), mfaAuthenticated: String(n % 2 === 0) },
      sessionIssuer: {},
    },
  },
  eventTime: time(n),
  eventSource: pick(['iam.amazonaws.com', 's3.amazonaws.com', 'kms.amazonaws.com'], n),
  eventName: pick(['CreateAccessKey', 'PutBucketPolicy', 'Decrypt', 'GetSecretValue'], n),
  awsRegion: 'eu-central-1',
  sourceIPAddress: n % 4 === 0 ? 'cloudformation.amazonaws.com' : address(n),
  userAgent: `[${agentOf(n)}]`,
  errorCode: n % 3 === 0 ? 'AccessDenied' : undefined,
  errorMessage: n % 3 === 0 ? `User: arn:aws:iam::1:user/${n} is not authorized` : undefined,
  requestParameters: {
    bucketName: `bucket-${n}`,
    policy: JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Sid: '' }] }),
    secretId: `prod/db-${n}`,
    maxItems: n * 100,
    tagging: [],
  },
  responseElements:
    n % 2 === 0
      ? null
      : { accessKey: { accessKeyId: `AKIA${hex(n, 16).toUpperCase()}`, status: 'Active' } },
  additionalEventData: { bytesTransferredOut: 1.5e7 + n, 'x-amz-id-2': hex(n, 40) },
  requestID: hex(n, 16).toUpperCase(),
  eventID: uuid(n, 'trail'),
  readOnly: n % 2 === 0,
  resources: [{ type: 'AWS::S3::Bucket', ARN: `arn:aws:s3:::bucket-${n}`, accountId: null }],
  eventType: 'AwsApiCall',
  recipientAccountId: String(100_000_000_000 + n),
})

/** Google Cloud audit logs, a LogEntry with an AuditLog. */
export const googleCloud: MakeRecord = (n) => ({
  protoPayload: {
    '@type': 'type.googleapis.com/google.cloud.audit.AuditLog',
    authenticationInfo: { principalEmail: mailOf(n), serviceAccountDelegationInfo: [] },
    requestMetadata: {
      callerIp: address(n),
      callerSuppliedUserAgent: agentOf(n),
      requestAttributes: { time: time(n, 9), auth: {} },
      destinationAttributes: {},
    },
    serviceName: 'iam.googleapis.com',
    methodName: 'google.iam.admin.v1.SetIamPolicy',
    authorizationInfo: [
      {
        resource: `projects/p-${n}`,
        permission: 'iam.serviceAccounts.setIamPolicy',
        granted: true,
      },
    ],
    resourceName: `projects/-/serviceAccounts/${10 ** 20}`,
    serviceData: {
      policyDelta: {
        bindingDeltas: [{ action: 'ADD', role: 'roles/owner', member: `user:${mailOf(n)}` }],
      },
    },
    status: n % 2 === 0 ? {} : { code: 7, message: 'PERMISSION_DENIED' },
    numResponseItems: String(9_007_199_254_740_993n + BigInt(n)),
  },
  insertId: hex(n, 12),
  resource: { type: 'service_account', labels: { project_id: `p-${n}`, unique_id: '' } },
  timestamp: time(n, 9),
  severity: 'NOTICE',
  logName: `projects/p-${n}/logs/cloudaudit.googleapis.com%2Factivity`,
  receiveTimestamp: time(n, 6),
})

/** Azure activity log, event schema. */
export const azureActivity: MakeRecord = (n) => ({
  authorization: {
    action: 'Microsoft.Authorization/roleAssignments/write',
    scope: `/subscriptions/${uuid(n, 'sub')}/resourceGroups/rg-${n}`,
    evidence: { role: 'Owner', principalType: 'User', roleAssignmentId: hex(n, 32) },
  },
  caller: mailOf(n),
  channels: 'Operation',
  claims: {
    aud: 'https://management.azure.com/',
    iat: String(unixMs(n) / 1_000),
    ipaddr: address(n),
    'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name': nameOf(n),
    uti: hex(n, 22),
  },
  correlationId: uuid(n, 'correlation'),
  eventDataId: uuid(n, 'event'),
  eventTimestamp: time(n, 7),
  httpRequest: { clientRequestId: uuid(n, 'client'), clientIpAddress: address(n), method: 'PUT' },
  operationName: { value: 'Microsoft.Authorization/roleAssignments/write', localizedValue: '' },
  resourceId: `/subscriptions/${uuid(n, 'sub')}/providers/Microsoft.Authorization`,
  status: { value: pick(['Started', 'Succeeded', 'Failed'], n), localizedValue: null },
  properties: {
    statusCode: 'Created',
    requestbody: JSON.stringify({ Id: uuid(n), Properties: { PrincipalId: uuid(n, 'p') } }),
  },
  level: 4,
})

/** Kubernetes, `audit.k8s.io/v1` Event. */
export const kubernetes: MakeRecord = (n) => ({
  kind: 'Event',
  apiVersion: 'audit.k8s.io/v1',
  level: 'RequestResponse',
  auditID: uuid(n, 'audit'),
  stage: 'ResponseComplete',
  requestURI: `/api/v1/namespaces/ns-${n}/pods?limit=${n}&watch=true`,
  verb: pick(['create', 'patch', 'delete', 'list'], n),
  user: {
    username: `system:serviceaccount:ns-${n}:default`,
    uid: uuid(n, 'sa'),
    groups: ['system:serviceaccounts', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/pod-name': [`web-${n}`] },
  },
  sourceIPs: [address(n), address(n + 1)],
  userAgent: agentOf(n),
  objectRef: { resource: 'pods', namespace: `ns-${n}`, name: `web-${n}`, apiVersion: 'v1' },
  responseStatus: { metadata: {}, code: pick([200, 201, 403, 409], n) },
  requestObject: {
    spec: {
      containers: [
        {
          name: 'web',
          image: `registry.example/web@sha256:${hex(n, 64)}`,
          env: [
            { name: 'LOG_LEVEL', value: 'info' },
            { name: 'DB_PASSWORD', value: `not-${n}-hunter2` },
          ],
          command: ['sh', '-c', 'while true; do\n\tsleep 1\ndone'],
          resources: { limits: { cpu: '500m', memory: '1Gi' }, requests: null },
        },
      ],
    },
    ...large(n),
    metadata: { annotations: { 'a/b': '', 'c.d/é': '\u2028line' } },
  },
  requestReceivedTimestamp: time(n, 6),
  stageTimestamp: time(n, 6),
  annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': '' },
})

/** More than an entry holds by default: a long text, a long list, many keys. */
function large(n: number): object {
  const items = Array.from({ length: 3_200 }, (_, at) => `item-${at}`)
  const keys = () => Object.fromEntries(items.map((item, at) => [item, at]))
  const data = [items.join('\n'), items, keys, undefined][n % 4]
  return { data: typeof data === 'function' ? data() : data, afterwards: { approvedBy: nameOf(n) } }
}

/** Cloudflare, audit logs. */
export const cloudflare: MakeRecord = (n) => ({
  action: { info: `zone-${n}.example`, result: n % 2 === 0, type: 'change_setting' },
  actor: { email: mailOf(n), id: hex(n, 32), ip: address(n), type: 'user' },
  id: uuid(n, 'cf'),
  interface: 'API',
  metadata: { name: 'security_level', type: 'firewall', value: 'high', zone_name: nameOf(n) },
  newValue: n % 2 === 0 ? 'low' : { ttl: 300, proxied: false },
  oldValue: n % 2 === 0 ? 'high' : { ttl: 1, proxied: true },
  owner: { id: hex(n, 32, 'owner') },
  resource: { id: hex(n, 32, 'resource'), type: 'zone' },
  when: time(n),
})

/** Snowflake, QUERY_HISTORY with ACCESS_HISTORY. */
export const snowflake: MakeRecord = (n) => ({
  QUERY_ID: uuid(n, 'query'),
  QUERY_TEXT: pick(
    [
      `select *\n  from "Größe"\n where name = '${nameOf(n).replaceAll("'", "''")}'`,
      `create user u${n} password = 'not-${n}-hunter2' must_change_password = true`,
      'grant role accountadmin to user "x"',
    ],
    n,
  ),
  USER_NAME: nameOf(n),
  ROLE_NAME: null,
  START_TIME: unixMs(n),
  TOTAL_ELAPSED_TIME: n * 17,
  CREDITS_USED_CLOUD_SERVICES: 0.000123 * (n + 1),
  ROWS_PRODUCED: 2 ** 40 + n,
  OBJECTS_MODIFIED: [{ objectDomain: 'Table', columns: [{ columnName: 'c', baseSources: [] }] }],
  DATABASE_ID: 2 ** 60 + 1_024 * n,
  SESSION_ID: 8_589_934_592 + n,
  IS_CLIENT_GENERATED_STATEMENT: n % 2 === 0,
})
