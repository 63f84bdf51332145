import assert from 'node:assert/strict'
import type { RecorderActor } from './actors.ts'
import type { Model } from './model.ts'

/** What holds at any moment and during any failure. */
export function checkRecorder(actor: RecorderActor, model: Model): void {
  const { name, limits, id } = actor
  const { recorded, staged, dropped, bufferedEntries, bufferedBytes } = actor.recorder.stats()
  assert.ok(bufferedEntries <= limits.maxBufferEntries, `${name}: the buffer is bounded`)
  assert.ok(bufferedBytes <= limits.maxBufferBytes, `${name}: the buffer is bounded in bytes`)
  assert.ok(recorded >= actor.accepted.length, `${name}: what was accepted is counted`)
  const { full = 0, closed = 0, timeout = 0, refused = 0 } = dropped
  assert.equal(full + closed, actor.refusals, `${name}: what was refused is counted`)
  let held = 0
  for (const { recorderId } of model.staged.values()) if (recorderId === id) held += 1
  assert.ok(staged <= held, `${name}: ${staged} are said to be staged, ${held} were`)
  if (actor.state === 'killed') return
  assert.equal(
    staged + timeout + refused + bufferedEntries >= recorded,
    true,
    `${name}: everything is somewhere`,
  )
}

/**
 * Every entry that a lane has held is in the log, unless the lane was emptied or the log refused
 * it.
 */
export function checkMoved(model: Model): void {
  const arrived = new Set([...model.log, ...model.deadLetters].map(({ id }) => id))
  for (const row of model.staged.values()) {
    const isKnown = arrived.has(row.id) || model.emptied.has(row.id)
    assert.ok(isKnown, `an entry left its lane for nowhere: ${JSON.stringify(row.metadata)}`)
  }
  assert.equal(model.head, model.log.length, 'the numbers have no hole')
  const gaps = model.log.filter(({ action }) => action === 'audit.gap').length
  assert.equal(gaps, model.gaps, 'each gap is told once')
}

/** No entry twice, each recorder's in their order. */
export function checkLog(model: Model, actors: readonly RecorderActor[]): void {
  const numbers = model.log.flatMap(({ metadata }) => metadata['n'] ?? [])
  assert.equal(new Set(numbers).size, numbers.length, 'no entry is logged twice')
  for (const { id, name } of actors) {
    const rows = model.log
      .filter(({ recorderId }) => recorderId === id)
      .sort((one, other) => one.recorderSeq - other.recorderSeq)
    const running = rows.map(({ recorderSeq }) => recorderSeq)
    assert.equal(new Set(running).size, running.length, `${name}: no running number twice`)
    const given = rows.flatMap(({ metadata }) => Number(metadata['n'] ?? []) || [])
    const sorted = given.toSorted((one, other) => one - other)
    assert.deepEqual(given, sorted, `${name}: numbered in the order of recording`)
  }
}

/** accepted = logged + declared lost. */
export function checkAccount(
  actor: RecorderActor,
  model: Model,
  isRefused: (n: number) => boolean,
): void {
  const { name, id, state } = actor
  const arrived = new Set([...model.log, ...model.deadLetters].map(({ metadata }) => metadata['n']))
  const missing = actor.accepted.filter((n) => !arrived.has(n) && !isRefused(n))
  const wasEmptied = missing.filter((n) => isEmptied(model, n))
  const never = missing.length - wasEmptied.length
  const { timeout = 0 } = actor.recorder.stats().dropped
  const counts = model.recorders.get(id)
  // A recorder that the database had not heard of when the lane was emptied is in no gap's list.
  if (wasEmptied.length > 0) assert.ok(model.gaps > 0, `${name}: what was lost is declared`)
  if (state === 'killed') return // what was in its memory is lost
  assert.ok(never <= timeout, `${name}: ${never} lost and ${timeout} given up: ${missing}`)
  if (state === 'live') {
    assert.deepEqual(missing, [], `${name}: one that lives loses nothing`)
    assert.equal(counts?.accepted ?? 0, actor.recorder.stats().recorded, `${name}: its report`)
  }
}

function isEmptied(model: Model, n: number): boolean {
  for (const { id, metadata } of model.staged.values()) {
    if (metadata['n'] === n && model.emptied.has(id)) return true
  }
  return false
}
