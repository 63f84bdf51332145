import { environmentName, RELAY_LIMITS } from '../../../src/options.ts'

const LIMITS: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(RELAY_LIMITS).map(([name, { says, min, max, default: usual }]) => [
    environmentName(name),
    `${says}; ${min} to ${max} (default: ${usual})`,
  ]),
)

/** Every variable that `audit-relay` reads, and what it says in `--help`. */
export const VARIABLES: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres:// URL, used where the variable of a role is not set',
  AUDIT_RELAY_DATABASE_URL: 'URL of a login that was granted audit_relay',
  AUDIT_READER_DATABASE_URL: 'URL of a login that was granted audit_reader',
  AUDIT_OWNER_DATABASE_URL:
    'direct URL, not through a pooler, of a superuser or of a login with CREATEROLE and CREATE on ' +
    'the database',
  AUDIT_STATE_DIR:
    'folder in which the relay remembers the last entry of the log, to notice a restore (default: ' +
    'in memory only)',
  AUDIT_LOG_LEVEL: 'trace, debug, info, warn, error, fatal or silent (default: info)',
  AUDIT_HTTP_PORT:
    'serve /livez, /readyz and /metrics on this port; 0 to 65535, 0 takes any free one (default: ' +
    'serve nothing)',
  AUDIT_HTTP_HOST: 'address to serve on (default: 127.0.0.1)',
  AUDIT_PAGE_TOKEN:
    'also serve the timeline page, to these viewers: ada:TOKEN,grace:TOKEN, at least 16 characters ' +
    'a token, as made by openssl rand -hex 16; a viewer opens it with /?token=TOKEN (default: no page)',
  AUDIT_PAGE_AUDIT_READS:
    'on, off or strict: record who reads the page; strict shows nothing before it is written down ' +
    '(default: on)',
  AUDIT_PAGE_TRUST_PROXY:
    'on or off: believe X-Forwarded-Proto, where a proxy in front of the page does TLS and sets it ' +
    '(default: off)',
  ...LIMITS,
}

/** The names of all limits. */
export const LIMIT_VARIABLES: readonly string[] = Object.keys(LIMITS)
