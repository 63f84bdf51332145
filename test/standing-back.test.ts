import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StandingBack } from '../relay/move/standing-back.ts'
import type { Mover } from '../relay/move/who-moves.ts'
import { memoryLogger } from './support/lanes.ts'

const RELAY: Mover = {
  ...{ pid: 7, login: 'shop_relay', application: 'audit-relay', transaction: '1', isRelay: true },
}
const STRANGER: Mover = { ...RELAY, pid: 8, login: 'postgres', transaction: '2', isRelay: false }

/** By a clock of ours. A statement may take 10 s. */
function watched() {
  const clock = { nowMs: 0 }
  const logger = memoryLogger()
  const now = () => clock.nowMs
  return { clock, logger, watch: new StandingBack({ logger, statementTimeoutMs: 10_000, now }) }
}

test('behind a relay it is in its place, for as long as batches end', () => {
  const { clock, logger, watch } = watched()
  assert.equal(watch.read(), undefined)
  for (let batch = 0; batch <= 60; batch += 1) {
    clock.nowMs = batch * 5_000
    watch.stoodBack([{ ...RELAY, transaction: String(batch) }])
    assert.equal(watch.read()?.isBlocked, false)
  }
  assert.equal(watch.read()?.forMs, 300_000)
  assert.deepEqual(
    logger.lines.map(({ level, fields }) => [level, fields['stoodBackMs']]),
    [['info', 10_000]],
    'one line, once that has lasted for ten seconds',
  )
  watch.wentOn()
  assert.equal(watch.read(), undefined)
  assert.equal(logger.lines.at(-1)?.fields['stoodBackMs'], 300_000)
})

test('a transaction of a relay that outlasts a statement is an alarm', () => {
  const { clock, logger, watch } = watched()
  watch.stoodBack([RELAY])
  clock.nowMs = 10_000
  watch.stoodBack([RELAY])
  assert.equal(watch.read()?.isBlocked, false)
  clock.nowMs = 10_001
  assert.equal(watch.read()?.isBlocked, true)
  clock.nowMs = 20_000
  watch.stoodBack([RELAY])
  assert.equal(logger.lines.at(-1)?.level, 'error')
  watch.stoodBack([{ ...RELAY, transaction: '3' }])
  assert.equal(watch.read()?.isBlocked, false, 'another transaction shows that it gets on')
})

test('a stranger is an alarm after a second, once in ten seconds', () => {
  const { clock, logger, watch } = watched()
  for (clock.nowMs = 0; clock.nowMs <= 25_000; clock.nowMs += 500) {
    watch.stoodBack([STRANGER, RELAY])
    assert.equal(watch.read()?.isBlocked, clock.nowMs > 1_000, `${clock.nowMs} ms`)
  }
  assert.deepEqual(
    logger.lines.map(({ level, fields }) => [level, fields['stoodBackMs']]),
    [
      ['error', 1_500],
      ['error', 11_500],
      ['error', 21_500],
    ],
  )
  assert.match(String(logger.lines[0]?.fields['hint']), /postgres.*pg_terminate_backend\(8\)/)
})

test('a short stay behind somebody is worth no line, nor is its end', () => {
  const { clock, logger, watch } = watched()
  watch.stoodBack([STRANGER])
  clock.nowMs = 1_000
  watch.stoodBack([])
  assert.deepEqual([watch.read()?.isBlocked, watch.read()?.behind], [false, undefined])
  watch.wentOn()
  assert.deepEqual(logger.lines, [])
})
