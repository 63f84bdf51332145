import assert from 'node:assert/strict'
import { once } from 'node:events'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { type TestContext, test } from 'node:test'
import { within } from '../src/within.ts'

const never = () => new Promise<never>(() => {})
const unexpected = () => assert.fail('it was in time')

/** What a promise has settled to by now: looked at after everything that is due has run. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const pending = Symbol('pending')
  await new Promise(setImmediate)
  const state = await Promise.race([promise, Promise.resolve(pending)])
  return state === pending ? 'pending' : state
}

function fakeTimers({ mock }: TestContext): (ms: number) => void {
  mock.timers.enable({ apis: ['setTimeout'] })
  return (ms) => mock.timers.tick(ms)
}

test('what settles in time is passed on, a rejection too', async (t) => {
  fakeTimers(t)
  assert.equal(await within(10, Promise.resolve('done'), unexpected), 'done')
  assert.equal(await within(10, 'no promise', unexpected), 'no promise')
  await assert.rejects(within(10, Promise.reject(new Error('failed')), unexpected), /failed/)
})

test('what is late is answered at its millisecond, not before', async (t) => {
  const tick = fakeTimers(t)
  const answer = within(10, never(), () => 'late')
  tick(9)
  assert.equal(await stateOf(answer), 'pending')
  tick(1)
  assert.equal(await stateOf(answer), 'late')
})

test('what onLate throws is what the wait rejects with', async (t) => {
  const tick = fakeTimers(t)
  const answer = within(10, never(), () => {
    throw new RangeError('too slow')
  })
  const refused = assert.rejects(answer, RangeError)
  tick(10)
  await refused
})

test('a promise that rejects after its time is nobody’s unhandled rejection', async (t) => {
  const tick = fakeTimers(t)
  const unhandled = t.mock.fn()
  process.on('unhandledRejection', unhandled)
  t.after(() => process.off('unhandledRejection', unhandled))
  const { promise, reject } = deferred()
  const answer = within(10, promise, () => 'late')
  tick(10)
  assert.equal(await answer, 'late')
  reject(new Error('afterwards'))
  await new Promise(setImmediate)
  assert.equal(unhandled.mock.callCount(), 0)
})

test('a wait longer than a timer can hold is not over at once', async () => {
  assert.equal(await within(Number.POSITIVE_INFINITY, sleep(20, 'done'), unexpected), 'done')
})

// Goal: neither an answer that nobody gets nor a process that stays for a timer.
// Method: a process of its own, which has nothing but the wait to stay for.
test('the timer holds the process until it has run out, and no longer than the promise', async () => {
  const file = new URL('../src/within.ts', import.meta.url)
  const script = (call: string) =>
    `import { within } from ${JSON.stringify(file.href)}
     console.log(await within(${call}, () => 'late'))`
  assert.equal(await outputOf(script('50, new Promise(() => {})')), 'late\n')
  assert.equal(await outputOf(script('600_000, Promise.resolve("done")')), 'done\n')
})

async function outputOf(script: string): Promise<string> {
  const child = spawn(
    process.execPath,
    ['--import', 'tsx', '--input-type=module', '--eval', script],
    { stdio: ['ignore', 'pipe', 'inherit'], timeout: 60_000 },
  )
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  const [code] = await once(child, 'close')
  assert.equal(code, 0)
  return Buffer.concat(chunks).toString()
}

function deferred(): { promise: Promise<never>; reject: (reason: Error) => void } {
  let reject: (reason: Error) => void = () => {}
  const promise = new Promise<never>((_, refuse) => {
    reject = refuse
  })
  return { promise, reject }
}
