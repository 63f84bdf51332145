import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { archiverOf, filesBelow, fillOctober, makeOctober, OCTOBER } from './support/archives.ts'
import { runRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { sealerOn, testKeys } from './support/seals.ts'

/** An archive of 30 sealed entries, with its salts. */
async function archived(t: TestContext) {
  const scratch = await scratchDatabase(t)
  await makeOctober(scratch)
  await fillOctober(scratch, 30)
  await sealerOn(t, scratch, { keys: testKeys() }).drain()
  const { archiver, folder } = archiverOf(t, scratch)
  await archiver.archive({ partition: OCTOBER })
  const name = filesBelow(folder).find((one) => one.endsWith('.salts.gz')) ?? assert.fail()
  const salts = path.join(folder, name)
  const environment = { AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_keeper') }
  const verify = async (...args: string[]) => {
    const run = await runRelay(t, ['archive', 'verify', '--json', ...args], environment)
    const { files } = JSON.parse(run.stdout)
    return { code: run.code, files, problems: files.flatMap((one: Checked) => one.problems) }
  }
  return { scratch, folder, salts, verify }
}

interface Checked {
  readonly problems: readonly string[]
}

// Goal: a salts' file that a restore could not use is found before the restore.
test('archive verify checks the salts next to a file, and those that the database noted', async (t) => {
  const { folder, salts, verify } = await archived(t)
  for (const args of [[folder], ['--database']]) {
    const { code, files } = await verify(...args)
    assert.equal(code, 0)
    assert.deepEqual(
      files.map(({ rows, salts: opened }: never) => [rows, opened]),
      [[30, 30]],
    )
  }
  const whole = fs.readFileSync(salts)
  const lines = gunzipSync(whole).toString().trimEnd().split('\n')
  const written = (changed: readonly string[]) => gzipSync(`${changed.join('\n')}\n`)
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [written(lines.slice(1)), /its SHA-256 is another one than its name says/],
    [written([...lines, lines[3] ?? '']), /1 of 31 lines open no entry of the archived file/],
    [written([...lines.slice(0, -1), '{"seq":31,"salt":"x"}']), /1 of 30 lines open no entry/],
    [
      written([...lines.slice(0, -1), `{"seq":31,"salt":"${'ab'.repeat(16)}"}`]),
      /1 of 30 lines open no entry/,
    ],
    [written([...lines.slice(0, -1), 'no JSON']), /1 of 30 lines open no entry/],
    [whole.subarray(0, whole.length / 2), /cannot be unpacked to its end/],
  ]
  for (const [bytes, why] of cases) {
    fs.writeFileSync(salts, bytes)
    for (const args of [[folder], ['--database']]) {
      const { code, problems } = await verify(...args)
      assert.equal(code, 5)
      assert.match(problems.join('\n'), why)
    }
  }
  fs.rmSync(salts)
  assert.equal((await verify(folder)).code, 0, 'nobody knows that there were some')
  const { code, problems } = await verify('--database')
  assert.equal(code, 5)
  assert.match(problems.join('\n'), /with the salts of the seal, does not exist/)
})

test('the salts of another file are not taken for those of this one', async (t) => {
  const { folder, salts, verify } = await archived(t)
  const other = salts.replace('audit_log_2025_10-', 'audit_log_2025_10_b-')
  fs.writeFileSync(other, 'of another file')
  assert.equal((await verify(folder)).code, 0)
})
