import { CHOSEN, harmless, SECRET, secrets } from './case.ts'

export const PAIRS = [
  ...secrets('entry about a secret', [
    [
      'Rails',
      { field: 'password', from: 'hunter1', to: CHOSEN },
      [CHOSEN, 'hunter1'],
      ['password'],
    ],
    [
      'Jira',
      {
        changes: [
          { field: 'API token', old: 'hunter1', new: CHOSEN },
          { field: 'colour', old: 'red', new: 'blue' },
        ],
      },
      [CHOSEN, 'hunter1'],
      ['red', 'blue'],
    ],
    [
      'Entra',
      { modifiedProperties: [{ displayName: 'Password', oldValue: 'hunter1', newValue: CHOSEN }] },
      [CHOSEN, 'hunter1'],
    ],
    ['Salesforce', { fieldName: 'SecurityToken__c', oldValue: SECRET, newValue: null }],
    ['Django', { column: 'password_hash', before: SECRET, after: SECRET }],
    ['Laravel', { attribute: 'remember_token', old: SECRET, new: SECRET }],
    ['Keycloak', { key: 'clientSecret', previous: SECRET, current: SECRET }],
    ['HubSpot', { property: 'apiKey', value: SECRET }],
    ['Workday', { from: 'hunter1', to: CHOSEN, field: 'password' }, [CHOSEN, 'hunter1']],
    ['GitLab', { property: 'password', left: 'hunter1', right: CHOSEN }, [CHOSEN, 'hunter1']],
    ['Zendesk', { field_name: 'webhook_secret', previous_value: SECRET, value: SECRET }],
    [
      'Okta',
      {
        target: 'x',
        changeDetails: { name: 'password', before: { value: 'hunter1' }, after: { value: CHOSEN } },
      },
      [CHOSEN, 'hunter1'],
    ],
  ]),
  ...secrets('JSON Patch', [
    [
      'RFC 6902',
      { patch: [{ op: 'replace', path: '/password', value: CHOSEN }] },
      CHOSEN,
      ['replace', '/password'],
    ],
    ['RFC 6902', { op: 'add', path: '/users/0/apiKey', value: SECRET }],
    ['RFC 6902', { op: 'add', path: '/credentials/password/-', value: CHOSEN }],
    ['SCIM', { Operations: [{ op: 'replace', path: 'password', value: CHOSEN }] }],
    [
      'SCIM',
      { op: 'replace', path: 'urn:ietf:params:scim:schemas:core:2.0:User:password', value: CHOSEN },
    ],
    ['Kubernetes', { op: 'replace', path: '/data/DB_PASSWORD', value: SECRET }],
    ['Mongo', { path: 'user.password', value: CHOSEN }],
    ['Firestore', { fieldPath: 'profile.pin_code', newValue: '4711' }, '4711'],
  ]),
  ...secrets('name and value', [
    [
      'Kubernetes',
      {
        env: [
          { name: 'DB_PASSWORD', value: CHOSEN },
          { name: 'MODE', value: 'prod' },
        ],
      },
      CHOSEN,
      ['prod'],
    ],
    [
      'HAR',
      {
        headers: [
          { name: 'Authorization', value: SECRET },
          { name: 'Accept', value: 'text/html' },
        ],
      },
      SECRET,
      ['text/html'],
    ],
    [
      'Microsoft 365',
      {
        Parameters: [
          { Name: 'Password', Value: CHOSEN },
          { Name: 'Identity', Value: 'ada' },
        ],
      },
      CHOSEN,
      ['ada'],
    ],
    ['AWS', { Tags: [{ Key: 'ApiToken', Value: SECRET }] }],
    ['AWS', { Parameters: [{ ParameterKey: 'MasterPassword', ParameterValue: CHOSEN }] }],
    ['Postman', { key: 'access_token', value: SECRET, type: 'string' }],
    ['OpenTelemetry', { attributes: [{ key: 'db.password', value: { stringValue: CHOSEN } }] }],
    ['GitHub', { inputs: [{ name: 'npm_token', value: SECRET }] }],
    ['Docker', { label: 'POSTGRES_PASSWORD', value: CHOSEN }],
    ['Postman', { value: SECRET, key: 'secret' }],
    [
      'Map',
      new Map([
        ['name', 'password'],
        ['value', CHOSEN],
      ]),
    ],
  ]),
  ...secrets('pair in a list', [
    [
      'Node',
      { rawHeaders: ['Host', 'a.b', 'X-Api-Key', SECRET, 'Cookie', `sid=${SECRET}`] },
      SECRET,
      ['a.b'],
    ],
    ['Node', { rawHeaders: ['Authorization', SECRET] }],
    [
      'Fetch',
      {
        headers: [
          ['accept', '*/*'],
          ['authorization', SECRET],
        ],
      },
      SECRET,
      ['*/*'],
    ],
    ['JavaScript', { entries: Object.entries({ name: 'ada', password: CHOSEN }) }, CHOSEN, ['ada']],
    ['JavaScript', { pairs: [['password', CHOSEN]] }],
    [
      'JavaScript',
      {
        form: new FormData(),
        list: [
          ['api_key', SECRET],
          ['page', '2'],
        ],
      },
    ],
    ['Node', { argv: ['deploy', '--token', SECRET, '--env', 'prod'] }, SECRET, ['prod']],
    ['Node', { args: ['--password', CHOSEN, '-v'] }, CHOSEN, ['-v']],
    ['Docker', { cmd: ['login', `--password=${CHOSEN}`] }],
    ['Terraform', { args: ['apply', '-var', `db_password=${CHOSEN}`] }],
  ]),
  ...harmless('entry about a harmless thing', [
    ['Rails', { field: 'primaryColor', from: 'red', to: 'blue' }],
    ['Rails', { field: 'passwordChangedAt', from: null, to: '2026-01-15' }],
    ['Jira', { field: 'password', from: null, to: null }],
    ['Jira', { field: 'token_count', old: 5, new: 9 }],
    [
      'Entra',
      { displayName: 'StrongAuthenticationMethod', oldValue: '[]', newValue: '[{"MethodType":6}]' },
    ],
    [
      'Entra',
      {
        modifiedProperties: [
          { displayName: 'ForceChangePassword', oldValue: [], newValue: [true] },
        ],
      },
    ],
    ['RFC 6902', { op: 'replace', path: '/title', value: 'Concert' }],
    ['RFC 6902', { op: 'replace', path: '/passwordPolicy/minLength', value: 12 }],
    ['RFC 6902', { op: 'remove', path: '/password' }],
    [
      'Kubernetes',
      {
        env: [
          { name: 'DB_PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } },
        ],
      },
    ],
    [
      'Microsoft 365',
      {
        ExtendedProperties: [
          { Name: 'RequestType', Value: 'OAuth2:Token' },
          { Name: 'SessionId', Value: '0190e1d2-7c3a-7b21-9f10-2f6f1a5c9d3e' },
        ],
      },
    ],
    ['Jira', { changedFields: ['password', 'email'], reason: 'reset' }],
    ['GitHub', { name: 'Rotate token', value: true }],
    ['HubSpot', { name: 'Jane Doe', value: 'customer', key: 'lifecycle' }],
    ['Form', { field: 'password', error: 'too short', type: 'text' }],
    ['Form', { name: 'password', type: 'password', required: true }],
    ['Intercom', { label: 'Password reset', content: 'We sent you a link to reset your password' }],
    [
      'Ticketing',
      {
        pairs: [
          ['colour', 'red'],
          ['size', 'XL'],
        ],
        list: ['token', 'secret', 'x'],
      },
    ],
    [
      'Node',
      { rawHeaders: ['Host', 'a.b', 'Accept', '*/*'], args: ['--verbose', '--env', 'prod'] },
    ],
    ['Node', { args: ['--no-password', '--token-count', '5'] }],
    ['Router', { path: '/reset/password', from: '/login', method: 'GET' }],
  ]),
]
