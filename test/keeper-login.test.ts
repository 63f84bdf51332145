import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'

const PARTITION = 'audit_log_2025_10'
const HOLD = '5b1c0c0e-6f0a-4c53-9a3e-0d7e6f0f9a11'
const USER = '0b7a5f0e-93c7-4f0c-9a53-2c1f0b8d6e11'

/** Every command that the keeper's login is for. */
const COMMANDS: readonly (readonly string[])[] = [
  ['policy', 'set', 'temp.*', '--keep', '30 days'],
  ['policy', 'list'],
  ['policy', 'remove', 'temp.*'],
  ['hold', 'place', '--user', USER, '--reason', 'a case'],
  ['hold', 'list'],
  ['hold', 'release', HOLD],
  ['retention'],
  ['retention', '--apply'],
  ['retention', 'undo', PARTITION],
  ['archive', 'run'],
  ['archive', 'run', PARTITION],
  ['archive', 'verify', '--database'],
  ['archive', 'restore', PARTITION],
  ['archive', 'drop', PARTITION],
  ['import', 'FILE', '--map', 'plain', '--name', 'old'],
  ['import', 'FILE', '--map', 'plain', '--name', 'old', '--dry-run'],
]

test('without the role audit_keeper each command of the keeper exits with 4, in the same words', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = scratchFolder(t)
  const url = scratch.urlAs('audit_relay')
  const environment = { AUDIT_KEEPER_DATABASE_URL: url, AUDIT_ARCHIVE_URL: `file://${folder}` }
  const login = decodeURIComponent(new URL(url).username)
  const file = path.join(folder, 'old.csv')
  writeFileSync(
    file,
    'user_id,event_id,action,entity_type,target_id,metadata,request_id,created_at\n' +
      `${USER},,a.b,,,,,2025-10-01T00:00:00Z\n`,
  )
  for (const command of COMMANDS) {
    const args = command.map((word) => (word === 'FILE' ? file : word))
    const { code, stdout, stderr } = await runRelay(t, args, environment)
    assert.deepEqual(
      { code, stdout, said: stderr.trimEnd().split('\n').at(-1) },
      {
        ...{ code: 4, stdout: '' },
        said: `audit-relay: The login ${login} lacks the role audit_keeper: grant audit_keeper to ${login}.`,
      },
      command.join(' '),
    )
  }
})
