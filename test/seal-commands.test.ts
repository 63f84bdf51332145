import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { explainFailure } from '../relay/cli/failure.ts'
import { execute } from '../relay/cli/program.ts'
import { diagnose } from '../relay/doctor/doctor.ts'
import { createRelay } from '../relay/index.ts'
import { fileMemory } from '../relay/seal/memory.ts'
import { readSeal } from '../relay/seal/seal-environment.ts'
import { sealKeysOf } from '../relay/seal/seal-keys.ts'
import { readLimits } from '../relay/config.ts'
import { readStatus } from '../relay/telemetry/status.ts'
import { newKey, openCheckpoint, parsePolicy, vkeyOf } from '../src/seal/index.ts'
import { declareRestored } from '../src/schema/restored.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { copyOf, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { openDatabase, silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'
import { checkSeal, exportedLines, LOG_NAME } from './support/seals.ts'
import { waitFor } from './support/wait-for.ts'

interface Setting {
  readonly scratch: ScratchDatabase
  readonly folder: string
  readonly keyFile: string
  readonly vkey: string
  /** The environment of a process that seals. */
  readonly environment: Readonly<Record<string, string>>
}

/** A log of so many entries, and a key for it. */
async function setUp(t: TestContext, entries: number): Promise<Setting> {
  const scratch = await scratchDatabase(t)
  const folder = scratchFolder(t)
  const keyFile = path.join(folder, 'seal.key')
  const made = await runRelay(t, ['keys', 'new', LOG_NAME, '--out', keyFile])
  assert.equal(made.code, 0, made.stderr)
  await log(scratch, entries)
  return {
    ...{ scratch, folder, keyFile, vkey: made.stdout.trim() },
    environment: {
      AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
      AUDIT_SEAL_KEY_FILE: keyFile,
      AUDIT_STATE_DIR: path.join(folder, 'state'),
    },
  }
}

async function log({ sql }: ScratchDatabase, count: number): Promise<void> {
  await appendToLog(
    sql,
    Array.from({ length: count }, (_, at) => ({ metadata: { at } })),
  )
}

test('a key is made, seals the log, and is replaced by way of both', async (t) => {
  const { scratch, folder, keyFile, vkey, environment } = await setUp(t, 300)
  assert.equal(fs.statSync(keyFile).mode & 0o777, 0o600)
  const keys = sealKeysOf(fs.readFileSync(keyFile, 'utf8'))
  assert.equal(vkey, vkeyOf(LOG_NAME, keys.signers[0].publicKey))
  const again = await runRelay(t, ['keys', 'new', LOG_NAME, '--out', keyFile])
  assert.deepEqual([again.code, again.stdout], [2, ''])
  assert.match(again.stderr, /exists, and a key is never overwritten/)

  const empty = await runRelay(t, ['checkpoint'], environment)
  assert.deepEqual([empty.code, empty.stdout], [6, ''])
  const sealed = await runRelay(t, ['seal', '--once'], environment)
  assert.deepEqual([sealed.code, sealed.stdout], [0, `${LOG_NAME}: 300 entries are sealed.\n`])
  const printed = await runRelay(t, ['checkpoint'], {
    AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader'),
  })
  assert.equal(printed.code, 0, printed.stderr)
  assert.equal(openCheckpoint(printed.stdout, [vkey]).size, 300)
  const anchor = path.join(folder, 'state', 'anchor.txt')
  assert.equal(fs.readFileSync(anchor, 'utf8'), printed.stdout)

  const next = path.join(folder, 'next.key')
  const rotated = await runRelay(
    t,
    ['keys', 'rotate', '--out', next, '--reason', 'yearly'],
    environment,
  )
  assert.equal(rotated.code, 0, rotated.stderr)
  const newVkey = rotated.stdout.trim()
  const relay = createRelay({ databaseUrl: scratch.urlAs('audit_relay'), logger: silentLogger() })
  await relay.drain({ deadlineMs: 30_000 })
  await relay.stop()
  const [entry] = await scratch.sql`
    select metadata from audit.audit_log where action = 'audit.key_rotate'`
  const idOf = (key: string) => key.split('+').slice(0, 2).join('+')
  assert.deepEqual(entry?.['metadata'], {
    ...{ before: idOf(vkey), after: idOf(newVkey), reason: 'yearly' },
  })
  const both = { ...environment, AUDIT_SEAL_KEY_FILE: next }
  const json = await runRelay(t, ['seal', '--once', '--json'], both)
  assert.equal(json.code, 0, json.stderr)
  const report = JSON.parse(json.stdout)
  assert.deepEqual([report.size, report.unsealed, report.anchors[0].size], [301, 0, 301])
  const note = (await runRelay(t, ['checkpoint', '--json'], both)).stdout
  for (const one of [vkey, newVkey]) openCheckpoint(JSON.parse(note).note, [one])

  const [line = ''] = fs.readFileSync(next, 'utf8').split('\n')
  fs.writeFileSync(next, `${line}\n`)
  await log(scratch, 9)
  assert.equal((await runRelay(t, ['seal', '--once'], both)).code, 0)
  const policy = parsePolicy((await runRelay(t, ['keys', 'policy'], both)).stdout)
  assert.deepEqual(
    policy.logs.map((one) => one.vkey),
    [newVkey, vkey],
  )
  assert.deepEqual(policy.ended, [{ of: idOf(vkey), lastSize: 301 }])
})

test('an older copy ends the command with 3, and the policy names the tree that ended', async (t) => {
  const { scratch, vkey, environment } = await setUp(t, 10)
  assert.equal((await runRelay(t, ['seal', '--once'], environment)).code, 0)
  const older = await copyOf(t, scratch)
  await log(scratch, 10)
  assert.equal((await runRelay(t, ['seal', '--once'], environment)).code, 0)
  const there = { ...environment, AUDIT_RELAY_DATABASE_URL: older.urlAs('audit_relay') }
  for (const args of [['seal', '--once'], ['seal'], ['checkpoint', '--publish']]) {
    const refused = await runRelay(t, args, there)
    assert.equal(refused.code, 3, args.join(' '))
    assert.match(refused.stderr, /20 leaves .* were sealed, and the database has 10\./)
    assert.match(refused.stderr, /until somebody runs "audit-relay restored"/)
  }
  const findings = async () => {
    const { examined } = await diagnose({
      environment: { ...there, AUDIT_OWNER_DATABASE_URL: older.url },
      limits: readLimits({}),
    })
    return examined.flatMap((one) => one.findings.map(({ kind }) => kind))
  }
  assert.ok((await findings()).includes('seal-behind'))

  await declareRestored(older.url)
  await log(older, 5)
  assert.equal((await runRelay(t, ['seal', '--once'], there)).code, 0)
  assert.ok(!(await findings()).includes('seal-behind'))
  const policy = parsePolicy((await runRelay(t, ['keys', 'policy'], there)).stdout)
  const [first, second] = policy.logs.map((one) => one.vkey)
  assert.equal(first, vkey)
  assert.ok(second?.startsWith(`${LOG_NAME}/2+`))
  assert.deepEqual(policy.ended, [{ of: LOG_NAME, lastSize: 20 }])
})

test('a key that cannot be used ends every command with 2, and is never quoted', async (t) => {
  const { folder, keyFile, environment } = await setUp(t, 0)
  const secret = fs.readFileSync(keyFile, 'utf8').trim()
  const damaged = path.join(folder, 'damaged.key')
  fs.writeFileSync(
    damaged,
    secret.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')),
    { mode: 0o600 },
  )
  const open = path.join(folder, 'open.key')
  fs.writeFileSync(open, secret)
  fs.chmodSync(open, 0o604)
  const cases: readonly (readonly [Record<string, string>, RegExp])[] = [
    [{ AUDIT_STATE_DIR: '' }, /Where the log is sealed, set AUDIT_STATE_DIR/],
    [{ AUDIT_SEAL_KEY_FILE: path.join(folder, 'none') }, /does not exist/],
    [{ AUDIT_SEAL_KEY_FILE: open }, /Run "chmod 600 /],
    [{ AUDIT_SEAL_KEY_FILE: damaged }, /The seal key/],
    [{ AUDIT_SEAL_KEY: secret }, /and not both/],
  ]
  const failureOf = async (args: readonly string[], given: Readonly<Record<string, string>>) => {
    const error = await execute(args, { ...environment, ...given }).catch((thrown) => thrown)
    return (await explainFailure(error, args)) ?? assert.fail(`${args.join(' ')}: ${error}`)
  }
  const seed = secret.split('+').slice(4).join('+') // which may have a plus of its own
  for (const [given, why] of cases) {
    for (const args of [['seal', '--once'], ['seal'], ['run'], ['run', '--once']]) {
      const { exitCode, text } = await failureOf(args, given)
      assert.equal(exitCode, 2, `${args.join(' ')}: ${text}`)
      assert.match(text, why)
      assert.ok(!text.includes(seed.slice(0, 12)))
    }
  }
  const none = await failureOf(['seal'], { AUDIT_SEAL_KEY_FILE: '' })
  assert.equal(none.exitCode, 2)
  assert.match(none.text, /There is no seal key: set AUDIT_SEAL_KEY_FILE\./)
})

test('a relay with a key seals what it moves, tells it, and publishes it', async (t) => {
  const { scratch, folder, environment } = await setUp(t, 0)
  const relay = spawnRelay(t, ['run'], {
    ...environment,
    ...{ AUDIT_HTTP_PORT: '0', AUDIT_SEAL_MAX_LAG_MS: '1000' },
  })
  await scratch.sql`select audit.record('[{"action":"a.b"},{"action":"a.c"}]')`
  const metrics = async () => {
    const url = /"url":"([^"]+)","paths"/.exec(relay.output().stdout)?.[1]
    const response = url && (await fetch(`${url}metrics`).catch(() => undefined))
    return response ? await response.text() : ''
  }
  await waitFor(async () => /^audit_seal_size 2$/m.test(await metrics()), {
    what: 'two entries to be sealed',
    timeoutMs: 120_000,
  })
  const text = await metrics()
  assert.match(text, /^audit_seal_lag_seconds 0$/m)
  assert.match(text, /^audit_seal_refused 0$/m)
  assert.match(text, /^audit_anchor_forked\{anchor="file"\} 0$/m)
  const anchor = path.join(folder, 'state', 'anchor.txt')
  await waitFor(() => fs.existsSync(anchor), { what: 'the checkpoint in the file' })
  relay.child.kill('SIGTERM')
  assert.equal(await relay.ended, 0, relay.output().stdout)
  const { seal } = await readStatus(openDatabase(t, scratch.urlAs('audit_relay')))
  assert.deepEqual([seal?.name, seal?.size, seal?.throughSeq, seal?.unsealed], [LOG_NAME, 2, 2, 0])

  await scratch.sql`select audit.record('{"action":"a.d"}')`
  const once = await runRelay(t, ['run', '--once'], environment)
  assert.equal(once.code, 0, once.stdout + once.stderr)
  const keys = sealKeysOf(fs.readFileSync(path.join(folder, 'seal.key'), 'utf8'))
  const lines = await exportedLines(readerOf(t, scratch))
  assert.deepEqual((await checkSeal(scratch.sql, lines, keys))[LOG_NAME]?.at(-1), 3)
})

test('a relay in an application seals with a key that never leaves its place', async (t) => {
  const scratch = await scratchDatabase(t)
  const stateDir = scratchFolder(t)
  await log(scratch, 5)
  const { key } = newKey(LOG_NAME)
  const [signer] = sealKeysOf(key).signers
  const { publicKey } = signer
  const base = { databaseUrl: scratch.urlAs('audit_relay'), logger: silentLogger(), stateDir }
  for (const seal of [{}, { key, name: 'x' }, { sign: signer.sign, publicKey }]) {
    assert.throws(() => createRelay({ ...base, seal }), /seal needs either key, or all of sign/)
  }
  const { stateDir: _, ...without } = base
  assert.throws(() => createRelay({ ...without, seal: { key } }), /set AUDIT_STATE_DIR/)

  const seal = {
    sign: (bytes: Buffer) => signer.sign(bytes),
    publicKey,
    name: LOG_NAME,
    anchors: [],
  }
  const relay = createRelay({ ...base, seal })
  const running = relay.start()
  await waitFor(() => relay.seal()?.size === 5, { what: 'five entries to be sealed' })
  await relay.stop()
  await running

  await log(scratch, 1)
  const liar = createRelay({ ...base, seal: { ...seal, sign: async () => Buffer.alloc(64) } })
  const lying = liar.start()
  await waitFor(() => liar.seal()?.refusal != null, { what: 'the false signature to be noticed' })
  assert.match(String(liar.seal()?.refusal), /does not fit the public key/)
  await liar.stop()
  await lying
  assert.equal((await fileMemory(stateDir).load())?.size, 5)
})

test('the variables of the seal are trimmed', async (t) => {
  const { key } = newKey(LOG_NAME)
  const read = await readSeal({
    ...{ AUDIT_STATE_DIR: ` ${scratchFolder(t)}\n`, AUDIT_SEAL_KEY: `\n ${key} \n` },
    ...{ AUDIT_ANCHOR_COMMAND: ' cat \n', AUDIT_SEAL_KEY_FILE: ' \n', AUDIT_POLICY_FILE: '\n' },
  })
  assert.equal(read?.key, key.trim())
  assert.deepEqual(
    read?.anchors?.map(({ name }) => name),
    ['file', 'command'],
  )
})
