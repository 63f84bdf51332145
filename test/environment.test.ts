import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readArchiveOptions } from '../relay/archive/archive-options.ts'
import { readS3Settings } from '../relay/archive/stores/s3-settings.ts'
import { VARIABLES } from '../relay/cli/command/variables.ts'
import { readConfig } from '../relay/config.ts'
import { readHttpConfig } from '../relay/http/config.ts'
import { resolveRelayOptions } from '../relay/move/relay-options.ts'
import {
  databaseUrlFor,
  environmentName,
  RECORDER_LIMITS,
  RELAY_LIMITS,
  resolveLimits,
  RETENTION_LIMITS,
  VERIFY_LIMITS,
} from '../src/options.ts'

const limits = { ...RECORDER_LIMITS, ...RELAY_LIMITS, ...RETENTION_LIMITS, ...VERIFY_LIMITS }
const limitVariables = Object.fromEntries(
  Object.entries(limits).map(([name, { min }]) => [environmentName(name), String(min + 1)]),
)

const SET: Readonly<Record<string, string>> = {
  DATABASE_URL: 'postgres://all@db/shop',
  AUDIT_RELAY_DATABASE_URL: 'postgres://relay@db/shop',
  AUDIT_READER_DATABASE_URL: 'postgres://reader@db/shop',
  AUDIT_APP_DATABASE_URL: 'postgres://app@db/shop',
  AUDIT_OWNER_DATABASE_URL: 'postgres://owner@db/shop',
  AUDIT_LOG_LEVEL: 'warn',
  AUDIT_HTTP_PORT: '8080',
  AUDIT_HTTP_HOST: '0.0.0.0',
  AUDIT_PAGE_TOKEN: 'ada:c0ffee8812d9a4b7',
  AUDIT_PAGE_AUDIT_READS: 'strict',
  AUDIT_PAGE_TRUST_PROXY: 'on',
  AUDIT_PAGE_VIEWS: 'shared',
  AUDIT_STATE_DIR: '/var/lib/audit-relay',
  AUDIT_PARTITION_WIDTH: 'week',
  // Read in seal-commands.test.ts.
  AUDIT_SEAL_KEY_FILE: '/etc/audit/seal.key',
  AUDIT_SEAL_KEY: '',
  AUDIT_ANCHOR_COMMAND: 'store-checkpoint',
  AUDIT_POLICY_FILE: '/etc/audit/audit.policy',
  AUDIT_ACTIONS: '/srv/actions.js',
  AUDIT_NAMES_SQL: 'select id, name from users where id = any($1)',
  AUDIT_FIND_SQL: 'select id from users where name = $1',
  AUDIT_KEEPER_DATABASE_URL: 'postgres://keeper@db/shop',
  AUDIT_ERASER_DATABASE_URL: 'postgres://eraser@db/shop',
  AUDIT_ARCHIVE: 'parquet',
  AUDIT_ARCHIVE_URL: 's3://shop-audit/log',
  AUDIT_ARCHIVE_KEEP: '7 years',
  AUDIT_ARCHIVE_LEGAL_HOLD: 'on',
  AWS_ACCESS_KEY_ID: 'AKIA',
  AWS_SECRET_ACCESS_KEY: 'secret',
  AWS_SESSION_TOKEN: 'token',
  AWS_REGION: 'eu-central-1',
  AWS_ENDPOINT_URL: 'https://minio.example:9000',
  ...limitVariables,
}

function read(environment: Readonly<Record<string, string>>) {
  return {
    limits: resolveLimits(limits, {}, environment),
    relay: readConfig(environment, 'relay'),
    urls: (['app', 'relay', 'reader', 'owner', 'keeper', 'eraser'] as const).map((role) =>
      databaseUrlFor(role, undefined, environment),
    ),
    http: readHttpConfig(environment),
    archive: readArchiveOptions(environment),
    s3: environment['AWS_ACCESS_KEY_ID']?.trim() ? readS3Settings(environment) : undefined,
  }
}

// Goal: a value that came from a file, with its line break, is the value.
// Method: all variables at once, each with a value that is not its default, with space around it.
test('the values of environment variables are trimmed, every one of them', () => {
  assert.deepEqual(
    Object.keys(VARIABLES).filter((name) => !(name in SET)),
    [],
  )
  const padded = Object.fromEntries(
    Object.entries(SET).map(([name, value]) => [name, ` \t${value}\r\n`]),
  )
  assert.deepEqual(read(padded), read(SET))
  for (const [name, { min }] of Object.entries(limits)) {
    assert.equal(Reflect.get(read(padded).limits, name), min + 1)
  }
  process.env['AUDIT_STATE_DIR'] = padded['AUDIT_STATE_DIR']
  const { stateDir } = resolveRelayOptions({ databaseUrl: 'postgres://relay@db/shop' })
  delete process.env['AUDIT_STATE_DIR']
  assert.equal(stateDir, '/var/lib/audit-relay')
  const { DATABASE_URL } = padded
  assert.equal(databaseUrlFor('app', undefined, { DATABASE_URL }), 'postgres://all@db/shop')
})

test('a variable of nothing but space counts as not set', () => {
  const blank = Object.fromEntries(Object.keys(SET).map((name) => [name, ' \n']))
  const only = { DATABASE_URL: 'postgres://all@db/shop' }
  assert.deepEqual(read({ ...blank, ...only }), read(only))
  assert.deepEqual(readConfig(only, 'relay').logLevel, 'info')
})

test('what is wrong is said all at once, with the variable, its bounds and its value', () => {
  const wrong = {
    AUDIT_RELAY_DATABASE_URL: 'mysql://app:canary@db/shop',
    AUDIT_BATCH_ENTRIES: '0',
    AUDIT_POLL_MIN_MS: 'soon',
    AUDIT_LOG_LEVEL: 'loud',
  }
  assert.throws(
    () => readConfig(wrong, 'relay'),
    (error: Error) => {
      assert.equal(Reflect.get(error, 'code'), 'AUDIT_OPTION_INVALID')
      assert.deepEqual(error.message.split('\n'), [
        'AUDIT_BATCH_ENTRIES must be a whole number from 1 to 50000, got "0".',
        'AUDIT_POLL_MIN_MS must be a whole number from 1 to 60000, got "soon".',
        'AUDIT_RELAY_DATABASE_URL must begin with postgres://.',
        'AUDIT_LOG_LEVEL must be one of trace, debug, info, warn, error, fatal, silent, got "loud".',
      ])
      return true
    },
  )
  assert.throws(() => readConfig({}, 'owner'), {
    message: /^AUDIT_OWNER_DATABASE_URL or DATABASE_URL must be set to a URL such as postgres:/,
  })
})
