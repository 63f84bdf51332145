import { hex, made, secrets } from './case.ts'

const join = (...parts: string[]) => parts.join('')

/** Tokens as their makers document them, each put together of parts. */
const TOKENS: readonly (readonly [string, string])[] = [
  ['GitHub', join('gh', 'p_', made(36))],
  ['GitHub', join('gh', 'o_', made(36))],
  ['GitHub', join('gh', 's_', made(36))],
  ['GitHub', join('github', '_pat_', made(22), '_', made(59))],
  ['GitLab', join('gl', 'pat-', made(20))],
  ['GitLab', join('gl', 'rt-', made(20))],
  ['Slack', join('xox', 'b-', '123456789012-1234567890123-', made(24))],
  ['Slack', join('xox', 'p-', '1-2-3-', hex(32))],
  ['Slack', join('xapp', '-1-A1-2-', hex(64))],
  ['Stripe', join('sk', '_live_', made(24))],
  ['Stripe', join('rk', '_test_', made(24))],
  ['Stripe', join('wh', 'sec_', made(32))],
  ['Stripe', join('pi_', made(24), '_secret_', made(25))],
  ['npm', join('np', 'm_', made(36))],
  ['PyPI', join('py', 'pi-', 'AgEIcHlwaS5vcmc', made(60))],
  ['SendGrid', join('S', 'G.', made(22), '.', made(43))],
  ['Google Cloud', join('AI', 'za', made(35))],
  ['Google Cloud', join('GOC', 'SPX-', made(28))],
  ['Google Cloud', join('ya', '29.', made(60))],
  ['OpenAI', join('s', 'k-', made(48))],
  ['OpenAI', join('sk', '-proj-', made(48))],
  ['Anthropic', join('sk', '-ant-api03-', made(90))],
  ['age', join('AGE', '-SECRET-KEY-1', made(58).toUpperCase())],
  ['HashiCorp Vault', join('hv', 's.', made(24))],
  ['DigitalOcean', join('do', 'p_v1_', hex(64))],
  ['Hugging Face', join('h', 'f_', made(34))],
  ['Databricks', join('da', 'pi', hex(32))],
  ['Shopify', join('shp', 'at_', hex(32))],
  ['Linear', join('lin', '_api_', made(40))],
  ['Docker', join('dckr', '_pat_', made(27))],
  ['Grafana', join('gl', 'sa_', made(32), '_', hex(8))],
  ['Figma', join('fig', 'd_', made(40))],
  ['Mailgun', join('key', '-', hex(32))],
  ['Twilio', join('acme', '_secret_', made(32))],
  ['Telegram', join('123456789', ':AA', made(33))],
  ['Discord', join('M', made(23), '.', made(6), '.', made(38))],
  ['Doppler', join('dp', '.pt.', made(40))],
  ['Atlassian', join('ATA', 'TT3', made(60))],
  ['Square', join('sq0', 'atp-', made(22))],
  ['New Relic', join('NR', 'AK-', made(27).toUpperCase())],
  ['Sentry', join('sntr', 'ys_', made(60))],
  ['Replicate', join('r', '8_', made(37))],
  ['Groq', join('g', 'sk_', made(52))],
  ['Supabase', join('sb', 'p_', hex(40))],
  ['PlanetScale', join('pscale', '_pw_', made(43))],
  ['Tailscale', join('ts', 'key-auth-', made(12), '-', made(30))],
  ['RubyGems', join('ruby', 'gems_', hex(48))],
  ['Resend', join('r', 'e_', made(8), '_', made(24))],
]
const AWS = made(40)
const HOOK = join('https://hooks.', 'slack.com/services/T012AB3C4/B012AB3C4/', made(24))

export const KNOWN_TOKENS = [
  ...secrets(
    'token with a known beginning',
    TOKENS.map(([system, token]) => [system, { note: `used ${token} today` }, token, ['today']]),
  ),
  ...secrets(
    'token in an odd place',
    TOKENS.slice(0, 12).flatMap(
      ([system, token]) =>
        [
          [system, { [token]: 1 }, token],
          [system, token, token],
          [system, [`https://${token}@a.b/x`], token],
        ] as const,
    ),
  ),
  ...secrets('AWS key pair and hooks', [
    ['AWS', join('AKIA', 'IOSFODNN7EXAMPLE ', AWS), AWS, ['AKIA']],
    ['AWS', join('ASIA', 'IOSFODNN7EXAMPLE:', AWS), AWS],
    ['AWS', join('AKIA', 'IOSFODNN7EXAMPLE,', AWS), AWS],
    ['AWS', join('id AKIA', 'IOSFODNN7EXAMPLE secret=', AWS), AWS],
    ['Slack', HOOK, made(24), ['hooks.slack.com']],
    [
      'Discord',
      join('https://discord.com/api/', 'webhooks/123456789012345678/', made(68)),
      made(68),
      ['123456789012345678'],
    ],
    [
      'Microsoft 365',
      join(
        'https://acme.webhook.office.com/',
        'webhookb2/',
        hex(20),
        '/IncomingWebhook/',
        made(30),
      ),
      made(30),
    ],
    [
      'Telegram',
      join('https://api.telegram.org/', 'bot123456789:', made(35), '/sendMessage'),
      made(35),
    ],
  ]),
]
