import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createIdGenerator } from '../src/ids/uuid7.ts'

const UUID_V7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const NOW = Date.UTC(2026, 0, 15, 12)

const timeOf = (id: string) => Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)

test('an id is a UUIDv7 of the millisecond that was given', () => {
  const nextId = createIdGenerator()
  for (const ms of [0, 1, 0xffff, 0x10000, NOW, NOW + 1, 2 ** 47, 2 ** 48 - 1]) {
    const id = nextId(ms)
    assert.match(id, UUID_V7)
    assert.equal(timeOf(id), ms)
  }
})

test('ids only grow: in one millisecond, in many, and when the clock goes back', () => {
  const nextId = createIdGenerator()
  let last = ''
  let clock = NOW
  for (let n = 0; n < 200_000; n += 1) {
    if (n % 50_000 === 0) clock -= 3_600_000
    if (n % 7 === 0 && n % 3 !== 0) clock += 1
    const id = nextId(clock)
    assert(id > last, `${id} after ${last}`)
    last = id
  }
})

test('a hundred thousand ids of one millisecond keep its time', () => {
  const nextId = createIdGenerator()
  const ids = Array.from({ length: 100_000 }, () => nextId(NOW))
  assert.equal(new Set(ids).size, ids.length)
  assert(ids.every((id) => timeOf(id) === NOW && UUID_V7.test(id)))
})

test('a counter that has run out takes the next millisecond before its time', () => {
  // Random bits all set: the counter begins in the middle of its 26 bits.
  const nextId = createIdGenerator((words) => words.fill(0xffff))
  const first = nextId(NOW)
  assert.equal(first.slice(14), '77ff-bfff-ffffffffffff')
  let last = first
  for (let n = 0; n < 2 ** 25 + 1; n += 1) last = nextId(NOW)
  assert.equal(timeOf(last), NOW + 1)
  assert(last > first)
})

test('a time that is none makes an id all the same', () => {
  const nextId = createIdGenerator()
  for (const ms of [Number.NaN, -5, Number.POSITIVE_INFINITY, 2 ** 60, 1.5]) {
    assert.match(nextId(ms), UUID_V7)
  }
})

test('two generators share no random bits', () => {
  const tails = new Set<string>()
  for (let n = 0; n < 10_000; n += 1) tails.add(createIdGenerator()(NOW).slice(19))
  assert.equal(tails.size, 10_000)
})
