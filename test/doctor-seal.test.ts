import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { newKey } from '../src/seal/index.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { faultsOf, type Urls, urlsOf } from './support/doctor.ts'
import { scratchFolder } from './support/exports.ts'
import { appendToLog } from './support/log-entries.ts'
import { LOG_NAME } from './support/seals.ts'

interface Setting {
  readonly scratch: ScratchDatabase
  readonly folder: string
  /** The environment of `doctor` where it runs next to what seals. */
  readonly environment: Urls
}

/** A log of ten entries, which are sealed. */
async function sealed(t: TestContext): Promise<Setting> {
  const scratch = await scratchDatabase(t)
  const folder = scratchFolder(t)
  const environment = {
    ...urlsOf(scratch),
    AUDIT_SEAL_KEY: newKey(LOG_NAME).key,
    AUDIT_STATE_DIR: path.join(folder, 'state'),
  }
  await appendToLog(scratch.sql, Array(10).fill({}))
  await sealNow(t, environment)
  assert.deepEqual(await faultsOf(environment), [])
  return { scratch, folder, environment }
}

async function sealNow(t: TestContext, environment: Urls): Promise<void> {
  const { code, stderr } = await runRelay(t, ['seal', '--once'], environment)
  assert.equal(code, 0, stderr)
}

/** The one thing that is wrong. */
async function onlyFault(environment: Urls) {
  const [fault, ...others] = await faultsOf(environment)
  assert.deepEqual(others, [])
  return fault ?? assert.fail('nothing was found')
}

for (const [what, sql] of [
  ['is disabled', 'alter table audit.audit_tile disable trigger audit_seal_row'],
  ['fires only as origin', 'alter table audit.audit_checkpoint enable trigger audit_seal_truncate'],
  ['is gone', 'drop trigger audit_seal_row on audit.audit_salt'],
  [
    'calls something else',
    `drop trigger audit_seal_row on audit.audit_origin;
    create trigger audit_seal_row before insert or update or delete on audit.audit_origin
      for each row execute function audit.refuse_change();
    alter table audit.audit_origin enable always trigger audit_seal_row`,
  ],
] as const) {
  test(`a guard of the seal that ${what} is found, and a migration puts it back`, async (t) => {
    const { scratch, environment } = await sealed(t)
    await scratch.sql.unsafe(sql)
    const found = (await faultsOf(environment)).filter(({ kind }) => kind === 'seal-guard-off')
    const table = /audit\.audit_\w+/.exec(sql)?.[0] ?? ''
    assert.equal(found.length, 1)
    assert.equal(found[0]?.severity, 'error')
    assert.ok(found[0].text.startsWith(`${table} lacks a trigger`), found[0].text)
    assert.equal(found[0].remedy.command, 'audit-relay migrate')
    await migrateDatabase({ databaseUrl: scratch.url })
    assert.deepEqual(await faultsOf(environment), [])
  })
}

// Goal: a key that the sealer could not use is found before it is needed, and is never quoted.
test('a seal key that cannot be used is found, with the reason', async (t) => {
  const { folder, environment } = await sealed(t)
  const { AUDIT_SEAL_KEY: key = '', AUDIT_STATE_DIR: stateDir = '', ...urls } = environment
  const open = path.join(folder, 'open.key')
  fs.writeFileSync(open, key)
  fs.chmodSync(open, 0o604)
  const cases: readonly (readonly [Urls, RegExp])[] = [
    [{ ...environment, AUDIT_SEAL_KEY: key.slice(0, -4) }, /The seal key/],
    [{ ...environment, AUDIT_SEAL_KEY_FILE: open }, /and not both/],
    [{ ...urls, AUDIT_SEAL_KEY: key }, /set AUDIT_STATE_DIR/],
    [{ ...urls, AUDIT_STATE_DIR: stateDir, AUDIT_SEAL_KEY_FILE: open }, /chmod 600/],
    [
      { ...urls, AUDIT_STATE_DIR: stateDir, AUDIT_SEAL_KEY_FILE: path.join(folder, 'none') },
      /does not exist/,
    ],
    [{ ...environment, AUDIT_POLICY_FILE: path.join(folder, 'none') }, /AUDIT_POLICY_FILE/],
  ]
  for (const [given, why] of cases) {
    const { kind, severity, text } = await onlyFault(given)
    assert.deepEqual([kind, severity], ['seal-key', 'error'])
    assert.match(text, why)
    assert.ok(!text.includes(key.split('+').at(-1)?.slice(0, 12) ?? key))
  }
})

// Goal: an entry that nobody seals is found after two minutes, and not before.
test('an entry that waits too long to be sealed is found, and sealing it helps', async (t) => {
  const { scratch, environment } = await sealed(t)
  await logAgo(scratch, 110)
  assert.deepEqual(await faultsOf(environment), [], 'a sealer may need a while')
  await sealNow(t, environment)
  await logAgo(scratch, 130)
  await logAgo(scratch, 10)
  const { kind, severity, text, remedy } = await onlyFault(environment)
  assert.deepEqual([kind, severity], ['seal-late', 'warning'])
  assert.match(text, /^The oldest of 2 entries has waited 1[34]\d s to be sealed\.$/)
  assert.equal(remedy.command, 'audit-relay seal --once')
  await sealNow(t, environment)
  assert.deepEqual(await faultsOf(environment), [])
})

test('a log that was never sealed waits for no seal', async (t) => {
  const scratch = await scratchDatabase(t)
  await logAgo(scratch, 3_600)
  assert.deepEqual(await faultsOf(urlsOf(scratch)), [])
})

test('a new history that nobody declared is found, and "restored" helps', async (t) => {
  const { scratch, environment } = await sealed(t)
  await scratch.sql`select audit.begin_history('another system identifier')`
  const { kind, severity, text, remedy } = await onlyFault(environment)
  assert.deepEqual([kind, severity], ['seal-undeclared', 'error'])
  assert.match(text, /new history.*nothing is sealed in it until somebody declares it/)
  const [name, ...args] = remedy.command?.split(' ') ?? []
  assert.equal(name, 'audit-relay')
  const restored = await runRelay(t, args, { AUDIT_OWNER_DATABASE_URL: scratch.url })
  assert.equal(restored.code, 0, restored.stderr)
  await sealNow(t, environment)
  assert.deepEqual(await faultsOf(environment), [])
})

/** Logs an entry as if so many seconds had passed since. */
async function logAgo({ sql }: ScratchDatabase, seconds: number): Promise<void> {
  await sql`
    with head as (update audit.audit_head set seq = seq + 1 returning seq)
    insert into audit.audit_log (id, seq, occurred_at, logged_at, action)
    select audit.new_id(), seq, now(), now() - make_interval(secs => ${seconds}), 'thing.update'
    from head`
}
