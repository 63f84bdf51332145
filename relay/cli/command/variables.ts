import {
  environmentName,
  type Limit,
  RECORDER_LIMITS,
  RELAY_LIMITS,
  RETENTION_LIMITS,
  VERIFY_LIMITS,
} from '../../../src/options.ts'

const LIMITS = described(RELAY_LIMITS)

function described(limits: Readonly<Record<string, Limit>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(limits).map(([name, { says, min, max, default: usual }]) => [
      environmentName(name),
      `${says}; ${min} to ${max} (default: ${usual})`,
    ]),
  )
}

/** Every variable that `audit-relay` reads, and what it says in `--help`. */
export const VARIABLES: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres:// URL, used where the variable of a role is not set',
  AUDIT_RELAY_DATABASE_URL: 'URL of a login that was granted audit_relay',
  AUDIT_APP_DATABASE_URL: 'URL of a login that was granted audit_app',
  AUDIT_READER_DATABASE_URL: 'URL of a login that was granted audit_reader',
  AUDIT_KEEPER_DATABASE_URL: 'URL of a login that was granted audit_keeper',
  AUDIT_ERASER_DATABASE_URL: 'URL of a login that was granted audit_eraser',
  AUDIT_OWNER_DATABASE_URL:
    'direct URL, not through a pooler, of a superuser or of a login with CREATEROLE and CREATE on ' +
    'the database',
  AUDIT_STATE_DIR:
    'folder in which the relay remembers the last entry of the log, to notice a restore, and what it ' +
    'has sealed (default: in memory only; a seal needs it); erase keeps there what it erased, to erase ' +
    'it again after a restore',
  AUDIT_SEAL_KEY_FILE:
    'file of the key that seals the log, as "audit-relay keys new" writes it; nobody else may read it ' +
    '(default: the log is not sealed)',
  AUDIT_SEAL_KEY: 'the text of that file, where there is no file',
  AUDIT_ANCHOR_COMMAND:
    'command that keeps each checkpoint of the seal, which it gets on standard input (default: the ' +
    'file anchor.txt in AUDIT_STATE_DIR alone)',
  AUDIT_POLICY_FILE:
    'policy file; the relay asks each witness in it that has a URL to cosign each checkpoint',
  AUDIT_PARTITION_WIDTH:
    'auto, month, week or day: how wide the partitions are that the relay makes; auto goes by the ' +
    'rate of entries (default: auto)',
  AUDIT_LOG_LEVEL: 'trace, debug, info, warn, error, fatal or silent (default: info)',
  AUDIT_HTTP_PORT:
    'serve /livez, /readyz, /sealz and /metrics on this port; 0 to 65535, 0 takes any free one (default: ' +
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
  AUDIT_PAGE_VIEWS:
    'private or shared: whether those who have a token share saved views, each under its name ' +
    '(default: private)',
  AUDIT_ACTIONS:
    'file that exports the catalogue of actions; the timeline page shows its sentences (default: none)',
  AUDIT_NAMES_SQL:
    "one SELECT by which the timeline page turns ids into names, as the reader's login, in at most a " +
    'second: select id, name from users where id = any($1) (default: the names in the log)',
  AUDIT_FIND_SQL:
    "one SELECT that finds the ids of a name: select id from users where name ilike '%' || $1 || '%'; $2 " +
    'is the event of a viewer of one event, or null (default: the names in the log)',
  ...described({ maxEntryBytes: RECORDER_LIMITS.maxEntryBytes }),
  AUDIT_ARCHIVE:
    'off, ndjson or parquet (default: ndjson where AUDIT_ARCHIVE_URL is set, else off)',
  AUDIT_ARCHIVE_URL: 'where archived files lie: file:///folder or s3://bucket/prefix',
  AUDIT_ARCHIVE_KEEP:
    's3: nobody can delete a file for this long, such as "7 years" (default: anybody with the right)',
  AUDIT_ARCHIVE_LEGAL_HOLD: 'on or off: s3: store files under a legal hold (default: off)',
  AWS_ACCESS_KEY_ID: 's3: the key that may read and write below the prefix',
  AWS_SECRET_ACCESS_KEY: 's3: its secret',
  AWS_SESSION_TOKEN: 's3: where the key is a temporary one',
  AWS_REGION: 's3: the region of the bucket (default: AWS_DEFAULT_REGION, else us-east-1)',
  AWS_ENDPOINT_URL: 's3: URL of another service that speaks S3, also as AWS_ENDPOINT_URL_S3',
  ...LIMITS,
  ...described(RETENTION_LIMITS),
  ...described(VERIFY_LIMITS),
}

/** The names of all limits. */
export const LIMIT_VARIABLES: readonly string[] = Object.keys(LIMITS)

/** What a store that speaks S3 needs. */
export const S3_KEYS = [
  ...['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_SESSION_TOKEN', 'AWS_REGION'],
  'AWS_ENDPOINT_URL',
]
