import { address, agentOf, hex, mailOf, nameOf, pick, time, unixMs, uuid } from './values.ts'

// Records in the shapes that the public documentation of applications gives for their audit logs. The
// values are made up.

type MakeRecord = (n: number) => Record<string, unknown>

/** GitHub, the audit log of an organization. */
export const github: MakeRecord = (n) => ({
  '@timestamp': unixMs(n),
  _document_id: hex(n, 22),
  action: pick(['repo.create', 'org.add_member', 'protected_branch.destroy'], n),
  actor: `user-${n}`,
  actor_id: 1_000 + n,
  actor_is_bot: n % 5 === 0,
  actor_location: { country_code: pick(['DE', 'JP', 'BR'], n) },
  created_at: unixMs(n),
  org: 'example',
  org_id: [1, 2, 3].slice(0, n % 4),
  repo: `example/repo-${n}`,
  public_repo: null,
  hashed_token: '',
  programmatic_access_type: 'Personal access token (classic)',
  token_id: 700_000 + n,
  token_scopes: 'admin:org,repo',
  user_agent: agentOf(n),
  visibility: 'private',
})

/** GitLab, audit events. */
export const gitlab: MakeRecord = (n) => ({
  id: n,
  author_id: n * 3,
  entity_id: n * 5,
  entity_type: pick(['Project', 'Group', 'User'], n),
  details: {
    change: pick(['visibility', 'password', 'email address'], n),
    from: pick(['public', 'old-hunter2', mailOf(n)], n),
    to: pick(['private', 'new-hunter2', mailOf(n + 1)], n),
    author_name: nameOf(n),
    target_id: n * 7,
    target_type: 'Project',
    target_details: `<b>${nameOf(n)}</b> & "co"`,
    ip_address: address(n),
    entity_path: `group/sub-${n}`,
  },
  created_at: time(n, 3),
})

/** Okta, System Log. */
export const okta: MakeRecord = (n) => ({
  uuid: uuid(n, 'okta'),
  published: time(n, 3),
  eventType: 'user.session.start',
  version: '0',
  severity: 'INFO',
  legacyEventType: null,
  displayMessage: 'User login to Okta',
  actor: {
    id: `00u${hex(n, 17)}`,
    type: 'User',
    alternateId: mailOf(n),
    displayName: nameOf(n),
    detailEntry: null,
  },
  client: {
    userAgent: { rawUserAgent: agentOf(n), os: 'Linux', browser: 'UNKNOWN' },
    zone: 'null',
    ipAddress: address(n),
    geographicalContext: {
      city: 'São Paulo',
      geolocation: { lat: -23.5505 + n, lon: -46.6333 },
      postalCode: null,
    },
  },
  outcome: { result: pick(['SUCCESS', 'FAILURE', 'ALLOW'], n), reason: null },
  target: [
    { id: uuid(n), type: 'AppInstance', alternateId: '', displayName: null, detailEntry: {} },
  ],
  transaction: { type: 'WEB', id: hex(n, 27), detail: {} },
  debugContext: { debugData: { requestUri: '/login', threatSuspected: 'false' } },
  authenticationContext: { authenticationStep: 0, externalSessionId: `102${hex(n, 20)}` },
  securityContext: { asNumber: null, isProxy: null },
})

/** Auth0, tenant logs. */
export const auth0: MakeRecord = (n) => ({
  date: time(n, 3),
  type: pick(['s', 'fp', 'sapi', 'limit_wc'], n),
  description: n % 2 === 0 ? '' : 'Wrong email or password.',
  connection_id: `con_${hex(n, 16)}`,
  client_id: hex(n, 32),
  ip: address(n),
  user_agent: agentOf(n),
  details: {
    prompts: [{ name: 'prompt-authenticate', elapsedTime: null, stats: { loginsCount: n } }],
    request: {
      method: 'patch',
      path: `/api/v2/users/auth0%7C${hex(n, 24)}`,
      auth: { credentials: { jti: hex(n, 32), scopes: ['read:users'] }, strategy: 'jwt' },
      body: { password: `not-${n}-hunter2`, app_metadata: {} },
    },
    error: { message: 'Wrong email or password.', type: '' },
  },
  user_id: `auth0|${hex(n, 24)}`,
  user_name: mailOf(n),
  log_id: `90020${time(n).replace(/\D/g, '')}${hex(n, 20)}`,
  isMobile: n % 2 === 1,
})

/** Microsoft 365, Management Activity API. */
export const microsoft365: MakeRecord = (n) => ({
  CreationTime: time(n).slice(0, 19),
  Id: uuid(n, 'm365'),
  Operation: pick(['Set-Mailbox', 'New-InboxRule', 'Update user.', 'FileDownloaded'], n),
  OrganizationId: uuid(n, 'org'),
  RecordType: 1,
  ResultStatus: 'True',
  UserKey: `${nameOf(n)}\\admin`,
  UserType: 2,
  Version: 1,
  Workload: 'Exchange',
  ClientIP: `[${address(n)}]:443`,
  ObjectId: `EURPR01A001.prod/Microsoft Exchange/${nameOf(n)}`,
  UserId: mailOf(n),
  AppId: '',
  Parameters: [
    { Name: 'Identity', Value: mailOf(n) },
    { Name: 'ForwardingSmtpAddress', Value: `smtp:${mailOf(n + 1)}` },
    { Name: 'Password', Value: `not-${n}-hunter2` },
  ],
  ModifiedProperties: [{ Name: 'SessionId', OldValue: '', NewValue: uuid(n, 'session') }],
  ExtendedProperties: [],
})

/** Slack, Audit Logs API. */
export const slack: MakeRecord = (n) => ({
  id: uuid(n, 'slack'),
  date_create: unixMs(n) / 1_000 - ((unixMs(n) / 1_000) % 1),
  action: pick(['user_login', 'file_downloaded', 'role_change_to_owner'], n),
  actor: {
    type: 'user',
    user: { id: `W${hex(n, 8)}`, name: nameOf(n), email: mailOf(n), team: 'T1' },
  },
  entity: {
    type: 'file',
    file: { id: `F${hex(n, 8)}`, name: `Q3 "final" – ${nameOf(n)}.pdf`, title: '=1+1' },
  },
  context: {
    location: { type: 'workspace', id: 'T1', name: 'Example', domain: 'example' },
    ua: agentOf(n),
    ip_address: address(n),
    session_id: 840_000_000_000 + n,
  },
  details: { type: null, desktop_app_browser_quit: false },
})

/** Google Workspace, Reports API: an activity of the admin application. */
export const workspace: MakeRecord = (n) => ({
  kind: 'admin#reports#activity',
  id: {
    time: time(n, 3),
    uniqueQualifier: `-${hex(n, 30).replace(/\D/g, '').padEnd(18, '1').slice(0, 18)}`,
    applicationName: 'admin',
    customerId: 'C03az79cb',
  },
  etag: `"${hex(n, 40)}/é"`,
  actor: { callerType: 'USER', email: mailOf(n), profileId: '1136840123456789012' },
  ipAddress: address(n),
  events: [
    {
      type: 'USER_SETTINGS',
      name: 'CHANGE_PASSWORD',
      parameters: [
        { name: 'USER_EMAIL', value: mailOf(n) },
        { name: 'ORG_UNITS', multiValue: ['/a', '/b'] },
        { name: 'IS_SUSPENDED', boolValue: false },
        { name: 'QUOTA', intValue: String(2 ** 50 + n) },
      ],
    },
  ],
})

/** Stripe, an event object. */
export const stripe: MakeRecord = (n) => ({
  id: `evt_1${hex(n, 23)}`,
  object: 'event',
  api_version: '2024-06-20',
  created: Math.floor(unixMs(n) / 1_000),
  data: {
    object: {
      id: `pi_3${hex(n, 23)}`,
      amount: 1_999 + n,
      currency: pick(['usd', 'jpy', 'eur'], n),
      client_secret: `pi_3${hex(n, 23)}_secret_${hex(n, 25, 's')}`,
      charges: { data: [], has_more: false, total_count: 0 },
      metadata: { order: `${4_539_578_763_621_486 + n}`, 'key with spaces': ' padded ' },
      payment_method_details: { card: { brand: 'visa', last4: '4242', exp_year: 2_030 } },
      application_fee_amount: null,
      rate: 1e-7,
    },
    previous_attributes: n % 2 === 0 ? {} : { status: 'requires_action' },
  },
  livemode: false,
  pending_webhooks: 2,
  request: { id: `req_${hex(n, 14)}`, idempotency_key: uuid(n, 'key') },
  type: pick(['payment_intent.succeeded', 'customer.updated'], n),
})

/** Salesforce, an event log file: every value is text. */
export const salesforce: MakeRecord = (n) => ({
  EVENT_TYPE: 'Login',
  TIMESTAMP: time(n, 3).replace(/[-:TZ]/g, ''),
  TIMESTAMP_DERIVED: time(n, 3),
  REQUEST_ID: hex(n, 22),
  ORGANIZATION_ID: '00D000000000001',
  USER_ID: `005${hex(n, 12)}`,
  RUN_TIME: String(n * 13),
  CPU_TIME: '',
  URI: `/index.jsp?un=${encodeURIComponent(mailOf(n))}&pw=not-hunter2-${n}`,
  SESSION_KEY: pick(['', hex(n, 22)], n),
  LOGIN_KEY: '',
  CLIENT_IP: address(n),
  LOGIN_STATUS: 'LOGIN_NO_ERROR',
  USER_NAME: mailOf(n),
})

/** PostgreSQL's pgAudit, a line of its log as fields. */
export const pgAudit: MakeRecord = (n) => ({
  log_time: `${time(n, 3).slice(0, 10)} ${time(n, 3).slice(11, 23)}`,
  user_name: nameOf(n),
  database_name: 'app',
  process_id: 4_000 + n,
  connection_from: `${address(n)}:5${n % 10}432`,
  audit_type: 'SESSION',
  statement_id: n,
  class: pick(['READ', 'WRITE', 'ROLE', 'DDL'], n),
  command: pick(['SELECT', 'INSERT', 'ALTER ROLE', 'CREATE TABLE'], n),
  object_type: null,
  object_name: 'public."Bücher"',
  statement: pick(
    [
      'select 1 -- \u0007 bell',
      `insert into t values (E'\\\\x${hex(n, 8)}', $1)`,
      `alter role app password 'not-${n}-hunter2'`,
      'create table "a\tb" (c int)\r\n',
    ],
    n,
  ),
  parameter: ['a,b', '', null, '"quoted"'],
})
