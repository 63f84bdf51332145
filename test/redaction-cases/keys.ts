import { CHOSEN, harmless, hex, made, SECRET, secrets } from './case.ts'

const UUID = '0190e1d2-7c3a-7b21-9f10-2f6f1a5c9d3e'
const at = '2026-01-15T12:00:00Z'

const under = (system: string, names: string, value: unknown = SECRET) =>
  names.split(' ').map((name) => [system, { [name]: value }] as const)

export const KEYS = [
  ...secrets('secret under a key', [
    ...under(
      'AWS',
      'SecretAccessKey secretAccessKey AWS_SECRET_ACCESS_KEY sessionToken x-amz-security-token MasterUserPassword SecretString',
    ),
    ...under(
      'Azure',
      'clientSecret accountKey Ocp-Apim-Subscription-Key sharedAccessKey primaryAccessKey adminPassword x-functions-key',
    ),
    ...under('Google Cloud', 'private_key refresh_token client_secret accessToken rootPassword'),
    ...under('Kubernetes', 'token bearerToken client-key-data DB_PASSWORD', CHOSEN),
    ...under('Stripe', 'client_secret secret_key webhookSigningSecret'),
    ...under('GitHub', 'webhookSecret access_token installationToken'),
    ...under('GitLab', 'PRIVATE-TOKEN private_token runnersToken CI_JOB_TOKEN'),
    ...under('Slack', 'signingSecret bot_token verification_token'),
    ...under('Okta', 'recoveryToken factorPassCode passCode stateToken'),
    ...under('Auth0', 'code_verifier id_token mfa_token'),
    ...under('PostgreSQL', 'PGPASSWORD pgpass POSTGRES_PASSWORD', CHOSEN),
    ...under('Redis', 'requirepass REDIS_PASSWORD masterauth', CHOSEN),
    ...under('Express', 'connect.sid set-cookie x-csrf-token x-api-key Proxy-Authorization'),
    ...under('PHP', 'PHPSESSID user_pass remember_token'),
    ...under('HashiCorp Vault', 'client_token unseal_key rootToken secret_id_value'),
    ...under('Twilio', 'authToken apiKeySecret api_secret'),
    ...under('Datadog', 'api_key application_key DD_API_KEY'),
    ...under('npm', '_authToken npmToken NPM_TOKEN'),
    ...under('Docker', 'registryPassword identitytoken registrytoken'),
    ...under('Salesforce', 'consumerSecret securityToken'),
    ...under('1Password', 'masterPassword secretKey accountPassword', CHOSEN),
    ...under('Microsoft 365', 'userPassword newPassword currentPassword tempPassword', CHOSEN),
  ]),
  ...secrets('word after the secret word', [
    ...under(
      'Laravel',
      'passwordNew password_new password_confirmation password2 password3 passwordAgain',
      CHOSEN,
    ),
    ...under('Rails', 'password_digest secret_key_base encrypted_password password_salt'),
    ...under('Django', 'password1 passwordPlain SECRET_KEY_FALLBACK passwordHash'),
    ...under('Keycloak', 'secretData credentialData tokenValue clientSecretValue'),
    ...under('Spring', 'passwordEncrypted passwordText apiKeyValue privateKeyPem'),
    ...under('PHP', 'password[] user[password] user.password.value', CHOSEN),
  ]),
  ...secrets('plural', [
    ...under('Okta', 'accessTokens refreshTokens apiTokens', [SECRET]),
    ...under('GitLab', 'api_tokens dbPasswords deployKeys backupCodes recovery_codes', [SECRET]),
    ...under('Ansible', 'passwords secrets vaultSecrets', { db: SECRET }),
    ...under('Azure', 'apiKeys accessKeys', [{ keyName: 'key1', value: SECRET }]),
  ]),
  ...secrets('another language', [
    ...under('SAP', 'passwort kennwort neuesPasswort Kennwort2 benutzerPasswort', CHOSEN),
    ...under(
      'Odoo',
      'contraseña contrasena nuevaContraseña motDePasse mot_de_passe senha novaSenha',
      CHOSEN,
    ),
    ...under('1C', 'пароль новыйПароль Пароль', CHOSEN),
    ...under('WeChat', '密码 登录密码 密碼 口令', CHOSEN),
    ...under('Rakuten', 'パスワード', CHOSEN),
    ...under('Naver', '비밀번호', CHOSEN),
    ...under('Exact', 'wachtwoord nieuwWachtwoord lösenord adgangskode hasło heslo', CHOSEN),
  ]),
  ...secrets('disguised name', [
    ['Unicode', { pаssword: CHOSEN }],
    ['Unicode', { 'pass\u200bword': CHOSEN }],
    ['Unicode', { ｐａｓｓｗｏｒｄ: CHOSEN }],
    ['Unicode', { tоken: SECRET }],
  ]),
  ...secrets('one-time code', [
    ['Okta', { otp: '918273' }, '918273'],
    ['Twilio', { verificationCode: 918273 }, '918273'],
    ['Stripe', { cvc: '314' }, '314'],
    ['Stripe', { card: { cvv: 123, last4: '4242' } }, '123', ['4242']],
    ['Auth0', { resetCode: 'R7Q2-P9' }, 'R7Q2-P9'],
    ['Google Cloud', { pinNumber: 4711 }, '4711'],
    ['Keycloak', { totpCode: '004711' }, '004711'],
    ['Visa', { cardCvc: '999', cvvCode: '998' }, ['999', '998']],
    ['Kisi', { accessCode: '88213' }, '88213'],
    ['Azure', { deviceCode: made(20) }, made(20)],
  ]),
  ...secrets('object under a secret name', [
    [
      'AWS',
      {
        accessKey: {
          accessKeyId: 'AKIAEXAMPLE',
          status: 'Active',
          userName: 'bob',
          secretAccessKey: SECRET,
        },
      },
      SECRET,
      ['AKIAEXAMPLE', 'Active', 'bob'],
    ],
    [
      'AWS',
      { credentials: { accessKeyId: 'ASIAEXAMPLE', expiration: at, sessionToken: SECRET } },
      SECRET,
      ['ASIAEXAMPLE', at],
    ],
    [
      'OpenAI',
      { apiKey: { id: 'key_1', name: 'ci', createdAt: at, last4: 'a1b2', value: SECRET } },
      SECRET,
      ['key_1', 'ci', at, 'a1b2'],
    ],
    ['Okta', { credentials: { password: { value: CHOSEN }, userName: 'ada' } }, CHOSEN, ['ada']],
    [
      'Kubernetes',
      { secret: { name: 'db', namespace: 'prod', data: { password: CHOSEN, k: SECRET } } },
      [CHOSEN, SECRET],
      ['db'],
    ],
    ['Rails', { changes: { password: { from: 'hunter1', to: CHOSEN } } }, [CHOSEN, 'hunter1']],
    ['Rails', { changes: { password: ['hunter1', CHOSEN] } }, [CHOSEN, 'hunter1']],
    ['Express', { cookies: { sid: SECRET, theme: 'dark' } }, SECRET],
    [
      'HashiCorp Vault',
      { token: { accessor: 'x', policies: ['p1'], client_token: SECRET, ttl: 3600 } },
      SECRET,
      ['p1', '3600'],
    ],
    ['Docker', { credentials: new Map([['registry', SECRET]]) }],
    ['Node', { secret: Buffer.from(CHOSEN) }, [CHOSEN, Buffer.from(CHOSEN).toString('base64')]],
  ]),
  ...harmless('object under a secret name', [
    [
      'AWS',
      {
        accessKey: {
          accessKeyId: 'AKIAEXAMPLE',
          status: 'Active',
          userName: 'bob',
          createDate: at,
        },
      },
    ],
    [
      'AWS',
      {
        AwsIamAccessKey: {
          PrincipalId: 'AIDA1',
          PrincipalName: 'bob',
          PrincipalType: 'User',
          Status: 'Active',
        },
      },
    ],
    [
      'Azure',
      {
        authorization: {
          action: 'Microsoft.Authorization/roleAssignments/write',
          scope: '/subscriptions/1',
          evidence: { role: 'Owner', roleAssignmentScope: '/', principalType: 'User' },
        },
      },
    ],
    ['Auth0', { credentials: { jti: 'a1b2c3', scopes: ['read:users'] } }],
    ['OpenAI', { api_key: { id: 'key_1', user: { id: 'u1', email: 'a@b.c' }, created: 1 } }],
    ['Rails', { changes: { password: { changed: true } } }],
    ['1Password', { passwords: { rotated: 12 } }],
    ['GitHub', { permissions: { secrets: 'read', tokens: 'write', metadata: 'read' } }],
    ['OpenAI', { usage: { tokens: { input: 812, output: 1_500 }, total_tokens: 2_312 } }],
    ['Kubernetes', { secret: { name: 'db', type: 'Opaque', version: 3 } }],
    ['Express', { session: { id: UUID, user: 'ada', createdAt: at } }],
    ['Coinbase', { token: { symbol: 'USDC', decimals: 6, address: '0x1', name: 'USD Coin' } }],
    ['Mapbox', { pin: { lat: 52.5, lng: 13.4, label: 'here' } }],
  ]),
  ...harmless('boolean, null, empty, count', [
    ['Okta', { password: null, token: true, secret: false }],
    ['Okta', { password: '', SESSION_KEY: '', otp: 0, apiKey: '' }],
    ['OpenAI', { tokens: 1_500, inputTokens: 4_096, max_tokens: 8_192, cached_tokens: 0 }],
    ['OpenAI', { prompt_tokens: 12_000, completionTokens: 900, reasoning_tokens: 4_000 }],
    ['GitHub', { secrets: 12, credentials: 3, passwords: 4 }],
    ['Auth0', { hasPassword: true, passwordless: 'email', requirePassword: false }],
    ['Windows', { 'Elevated Token': 'No', 'Elevated Token 2': 'Yes' }],
    ['CloudTrail', { masterUserPassword: '****', password: 'HIDDEN_DUE_TO_SECURITY_REASONS' }],
    ['GitLab', { token: '[FILTERED]', secret: '[MASKED]', password: '***' }],
    ['Eventbrite', { pass: 3, tickets: { pass: 'VIP weekend' } }],
    ['OneTrust', { cookie: 'necessary', cookies: ['analytics', 'marketing'] }],
    ['Uniswap', { tokens: ['USDC', 'WETH'] }],
    ['Terraform', { password: 'none', secret: 'null' }],
  ]),
  ...harmless('name that only describes', [
    ['OpenAI', { tokenCount: 1_500, tokenLimit: 4_096, tokenUsage: 'high', tokensUsed: 8 }],
    [
      'Okta',
      { passwordChangedAt: at, passwordPolicy: 'strong', passwordExpiry: at, passwordLastSet: at },
    ],
    [
      'Okta',
      { passwordResetUrl: 'https://a.b/reset', passwordStrength: 'weak', passwordLength: 12 },
    ],
    ['Azure', { secretId: UUID, secretName: 'db', secretVersion: hex(32), secretType: 'opaque' }],
    [
      'AWS',
      {
        accessKeyId: 'AKIAEXAMPLE',
        keyId: UUID,
        kmsKeyId: UUID,
        secretArn: 'arn:aws:secretsmanager:eu:1:secret:db',
      },
    ],
    [
      'AWS',
      {
        keyName: 'deploy',
        KeyType: 'rsa',
        keyPairId: 'key-0a1b2c3d4e5f67890',
        publicKey: 'ssh-rsa AAAAB3',
      },
    ],
    [
      'GitHub',
      {
        token_id: 99,
        token_scopes: 'repo',
        hashed_token_type: 'pat',
        access_tokens_url: 'https://api.github.com/app/installations/1/access_tokens',
      },
    ],
    [
      'Auth0',
      { token_endpoint_auth_method: 'client_secret_post', tokenType: 'Bearer', token_expiry: at },
    ],
    [
      'Azure',
      {
        authorization_method: 'role',
        'authorization.k8s.io/decision': 'allow',
        authorizationId: UUID,
      },
    ],
    [
      'Google Cloud',
      { private_key_type: 'TYPE_GOOGLE_CREDENTIALS_FILE', keyAlgorithm: 'KEY_ALG_RSA_2048' },
    ],
    [
      'OneTrust',
      { cookieConsent: 'all', cookiePolicy: 'v2', cookiesAccepted: true, cookieBanner: 'shown' },
    ],
    ['1Password', { passwordManager: 'chrome', credentialType: 'login', credentialId: UUID }],
    ['Mapbox', { pinned: 'yes', pinType: 'home', spinner: 'on', opinion: 'good' }],
    [
      'Coinbase',
      {
        tokenSymbol: 'USDC',
        tokenAddress: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48',
        tokenBalance: '12.50',
      },
    ],
    [
      'SAML',
      { tokenIssuer: 'https://idp', samlResponseTime: 12, authMethod: 'pwd', authType: 'mfa' },
    ],
    ['Salesforce', { LastPasswordChangeDate: at, SecurityTokenSentDate: at }],
  ]),
  ...harmless('name that only sounds like one', [
    ['Workday', { secretary: 'Jane Doe', authorName: 'Ada', author: 'Bob', compass: 'north' }],
    [
      'Zoo',
      { monkey: 'Coco', turkey: 'roast', donkey: 'Eddie', passenger: 'Jane', passport: 'renewed' },
    ],
    ['Logitech', { keyboard: 'MX Keys', keypress: 'Enter', hotkey: 'ctrl+k', keyword: 'tickets' }],
    [
      'PostgreSQL',
      { primaryKey: 'id', foreign_key: 'user_id', sortKey: 'createdAt', partitionKey: 'tenant#42' },
    ],
    [
      'S3',
      {
        key: 'images/2026/venue.png',
        objectKey: 'a/b/c.txt',
        cacheKey: 'venue:42:de',
        s3Key: 'x/y.pdf',
      },
    ],
    [
      'Stripe',
      { publishable_key: 'pk_live_abc', publicKey: 'pk1', idempotencyKey: UUID, statusCode: 402 },
    ],
    [
      'Stripe',
      {
        countryCode: 'DE',
        postalCode: '10115',
        promoCode: 'SUMMER26',
        errorCode: 'card_declined',
        zipCode: '94107',
      },
    ],
    ['Jira', { key: 'AUD-12', issueKey: 'AUD-12', projectKey: 'AUD', label: 'token' }],
    [
      'Hono',
      {
        route: '/api/token',
        handler: 'resetPassword',
        passRate: 0.98,
        bypass: 'no',
        tokenizer: 'cl100k',
      },
    ],
    ['i18n', { messageKey: 'login.password.label', translationKey: 'form.token.hint' }],
    ['Ticketing', { boardingPass: 'A12', seasonPass: 'gold', dayPass: 'adult', passed: true }],
    ['Music', { keySignature: 'C major', pinot: 'noir', cookieName: 'theme', codec: 'h264' }],
  ]),
  ...harmless('session and call ids', [
    ['Microsoft 365', { SessionId: UUID, sessionId: UUID }],
    ['Azure', { session_id: UUID, correlationId: UUID }],
    [
      'AWS',
      { SessionId: 'ada-0a1b2c3d4e5f67890', roleSessionName: 'ci', sessionIssuer: 'role/admin' },
    ],
    ['Okta', { externalSessionId: '102nZHzd6OHSfGG51vsoc22gw' }],
    ['CrowdStrike', { session_id: 'fa1b2c3d-0000-4000-8000-0123456789ab' }],
    ['AWS', { clientRequestToken: made(36), clientToken: made(32), ClientRequestToken: UUID }],
    ['AWS', { nextToken: made(64), NextContinuationToken: made(40), idempotencyToken: made(24) }],
    ['Google Cloud', { pageToken: made(30), nextPageToken: made(30), syncToken: made(24) }],
    ['Stripe', { idempotency_key: made(24), request_id: `req_${made(14)}` }],
    ['Kubernetes', { continue: made(40), resourceVersion: '12345678' }],
  ]),
]
