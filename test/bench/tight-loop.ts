import { demoEntry } from './demo-entry.ts'
import { WORKS } from './work.ts'

// One kind of work in a tight loop, in a process of its own. The loop goes back to the event loop
// every few calls, as an application would: what is put off is done then, and its cost is counted.
// Arguments: a name of WORKS. It answers each message with what a round of calls has cost.

export interface LoopOrder {
  /**
   * Never both of one process: the heap is told by collecting all of it, and where a collection finds
   * no entry, the engine forgets what it has compiled for them.
   */
  readonly what: 'time' | 'heap'
}

// Types and no interfaces: each is a sample of the rounds, by the names of what was measured.

export type LoopTime = {
  /** The calls by themselves: what a handler waits for. */
  readonly callNs: number
  /** The calls and all that follows from them, on every thread, until nothing is under way. */
  readonly cpuNs: number
}

export type LoopHeap = {
  /** What the calls leave on the heap, the caller's own literal included. */
  readonly heapBytes: number
}

/** So many that starting and waiting for the end, once a round, hardly count. */
const CALLS = 50_000
const CALLS_A_TURN = 50
const HEAP_CALLS = 1_000
const HEAP_RUNS = 3

const work = WORKS[process.argv[2] ?? '']?.('')
if (work === undefined) throw new Error(`nothing is called ${process.argv[2]}`)

async function time(): Promise<LoopTime> {
  // While others have their turns, the engine may let go of what it has compiled.
  await callAll()
  const before = process.cpuUsage()
  const callMs = await callAll()
  const { user, system } = process.cpuUsage(before)
  return {
    callNs: (callMs * 1e6) / CALLS,
    cpuNs: ((user + system) * 1_000) / CALLS,
  }
}

/** @returns how long the calls took by themselves, in milliseconds */
async function callAll(): Promise<number> {
  let callMs = 0
  for (let n = 0; n < CALLS; n += CALLS_A_TURN) {
    const began = performance.now()
    for (let at = n; at < n + CALLS_A_TURN; at += 1) work?.run(demoEntry(at))
    callMs += performance.now() - began
    await new Promise((resolve) => setImmediate(resolve))
  }
  await settled()
  return callMs
}

/** The least of some: where the engine begins a page of memory, all of that counts as used. */
async function heap(): Promise<LoopHeap> {
  let heapBytes = Number.POSITIVE_INFINITY
  for (let run = 0; run < HEAP_RUNS; run += 1) heapBytes = Math.min(heapBytes, await heapOnce())
  return { heapBytes }
}

async function heapOnce(): Promise<number> {
  await settled()
  globalThis.gc?.()
  const before = process.memoryUsage().heapUsed
  for (let n = 0; n < HEAP_CALLS; n += 1) work?.run(demoEntry(n))
  const bytes = (process.memoryUsage().heapUsed - before) / HEAP_CALLS
  await settled()
  return bytes
}

/** Longer than the intervals at which any of them flush by themselves is not waited. */
async function settled(): Promise<void> {
  do await new Promise((resolve) => setTimeout(resolve, 60))
  while ((work?.backlog() ?? 0) > 0)
}

process.on('message', async ({ what }: LoopOrder) => {
  process.send?.(what === 'time' ? await time() : await heap())
})
process.on('disconnect', () => process.exit())
