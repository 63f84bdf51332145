import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { FolderLock, LOCK_FILE } from '../relay/seal/folder-lock.ts'
import { fileMemory, heldMemory } from '../relay/seal/memory.ts'
import { newKey } from '../src/seal/index.ts'
import { runRelay, spawnRelay } from './support/audit-relay.ts'
import { scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'
import { appendToLog } from './support/log-entries.ts'
import { LOG_NAME } from './support/seals.ts'
import { waitFor } from './support/wait-for.ts'

function lockIn(t: TestContext, folder: string): FolderLock {
  const lock = new FolderLock(folder)
  t.after(() => lock.release())
  return lock
}

/** A lock as a process left it that was never asked to release it. */
function leave(folder: string, holder: object, silentSeconds = 0): string {
  const file = path.join(folder, LOCK_FILE)
  fs.writeFileSync(file, JSON.stringify(holder))
  const at = Date.now() / 1_000 - silentSeconds
  fs.utimesSync(file, at, at)
  return file
}

const TAKEN = { code: 'AUDIT_OPTION_INVALID', message: /seals with .* a folder of its own\.$/ }

test('one of two has the folder, and the other one when that has released it', async (t) => {
  const folder = path.join(scratchFolder(t), 'not-made-yet')
  const [first, second] = [lockIn(t, folder), lockIn(t, folder)]
  await first.hold()
  await first.hold()
  assert.equal(fs.statSync(folder).mode & 0o777, 0o700)
  await assert.rejects(second.hold(), TAKEN)
  await assert.rejects(lockIn(t, `${folder}/../not-made-yet`).hold(), TAKEN)
  await second.release()
  await assert.rejects(second.hold(), TAKEN, 'who has no lock releases none')
  await first.release()
  await second.hold()
  assert.deepEqual(fs.readdirSync(folder), [LOCK_FILE])
  await second.release()
  assert.deepEqual(fs.readdirSync(folder), [])
})

test('of twenty at once one has the folder', async (t) => {
  const folder = scratchFolder(t)
  const locks = Array.from({ length: 20 }, () => lockIn(t, folder))
  const taken = await Promise.allSettled(locks.map((lock) => lock.hold()))
  assert.equal(taken.filter(({ status }) => status === 'fulfilled').length, 1)
})

test('the lock of a process that is gone is taken over, and that of one that runs is not', async (t) => {
  const folder = scratchFolder(t)
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  t.after(() => child.kill('SIGKILL'))
  const file = leave(folder, { host: os.hostname(), pid: child.pid, token: 'of the child' })
  const lock = lockIn(t, folder)
  await assert.rejects(lock.hold(), {
    ...TAKEN,
    message: new RegExp(`process ${child.pid} on ${os.hostname()} seals with`),
  })
  child.kill('SIGKILL')
  await once(child, 'exit')
  await lock.hold()
  assert.doesNotMatch(fs.readFileSync(file, 'utf8'), /of the child/)
})

// In a container the process before had the same number.
test('a lock with our own number that we do not hold is of the process before us', async (t) => {
  const folder = scratchFolder(t)
  leave(folder, { host: os.hostname(), pid: process.pid, token: 'of the one before' })
  await lockIn(t, folder).hold()
})

test('a lock of another machine, or half a lock, is taken over after a minute of silence', async (t) => {
  for (const holder of [{ host: 'elsewhere', pid: 1, token: 'x' }, { host: 'elsewhere' }]) {
    const folder = scratchFolder(t)
    leave(folder, holder, 50)
    await assert.rejects(lockIn(t, folder).hold(), TAKEN)
    leave(folder, holder, 61)
    await lockIn(t, folder).hold()
  }
})

test('a holder says that it lives every ten seconds', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const folder = scratchFolder(t)
  const lock = lockIn(t, folder)
  await lock.hold()
  const file = path.join(folder, LOCK_FILE)
  fs.utimesSync(file, 0, 0)
  t.mock.timers.tick(9_999)
  assert.equal(fs.statSync(file).mtimeMs, 0)
  t.mock.timers.tick(1)
  await waitFor(() => fs.statSync(file).mtimeMs > 0, { what: 'the lock to be touched' })
})

test('a sealer whose lock was taken over writes nothing any more', async (t) => {
  const folder = scratchFolder(t)
  const lock = lockIn(t, folder)
  const memory = heldMemory(fileMemory(folder), lock)
  await memory.load()
  leave(folder, { host: 'elsewhere', pid: 1, token: 'of the one that took over' })
  const known = { origin: 1, name: 'x', history: 'y', size: 0, root: '', keys: [], ended: [] }
  await assert.rejects(memory.save(known), TAKEN)
})

test('a sealer that ends removes no lock of another one', async (t) => {
  const folder = scratchFolder(t)
  const lock = lockIn(t, folder)
  await lock.hold()
  leave(folder, { host: 'elsewhere', pid: 1, token: 'of the one that took over' })
  await lock.release()
  assert.deepEqual(fs.readdirSync(folder), [LOCK_FILE])
})

// Goal: two processes that were given one folder are told so, and a crash costs nobody anything.
test('a second process that seals with the same folder ends with 2, until the first is gone', async (t) => {
  const scratch = await scratchDatabase(t)
  const folder = scratchFolder(t)
  const environment = {
    AUDIT_RELAY_DATABASE_URL: scratch.urlAs('audit_relay'),
    AUDIT_SEAL_KEY: newKey(LOG_NAME).key,
    AUDIT_STATE_DIR: folder,
  }
  await appendToLog(scratch.sql, [{}])
  const sealing = spawnRelay(t, ['seal'], environment)
  await waitFor(() => fs.existsSync(path.join(folder, 'anchor.txt')), {
    what: 'the first one to seal',
    timeoutMs: 120_000,
  })
  const second = await runRelay(t, ['seal', '--once'], environment)
  assert.equal(second.code, 2, second.stderr)
  assert.match(second.stderr, new RegExp(`process ${sealing.child.pid} on .* seals with ${folder}`))
  const published = await runRelay(t, ['checkpoint', '--publish'], environment)
  assert.equal(published.code, 0, published.stderr)
  sealing.child.kill('SIGKILL')
  await sealing.ended
  assert.ok(fs.existsSync(path.join(folder, LOCK_FILE)))
  const third = await runRelay(t, ['seal', '--once'], environment)
  assert.equal(third.code, 0, third.stderr)
  assert.ok(!fs.existsSync(path.join(folder, LOCK_FILE)))
})
