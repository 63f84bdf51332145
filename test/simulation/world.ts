import assert from 'node:assert/strict'
import { RecorderActor, RelayActor } from './actors.ts'
import { checkAccount, checkLog, checkMoved, checkRecorder } from './checks.ts'
import { Model, REFUSED_IN_LANE, REFUSED_IN_LOG } from './model.ts'
import { Random } from './random.ts'
import { VirtualTime } from './virtual-time.ts'
import { Wire } from './wire.ts'

const START_MS = Date.UTC(2026, 0, 15, 12)
const MAX_HEALING_MS = 120_000
const STATEMENT_TIMEOUT_MS = 1_000
const REPORT_INTERVAL_MS = 2_000
/** What was under way when the faults ended has ended by then, also what a killed process left. */
const LATEST_COMMIT_MS = STATEMENT_TIMEOUT_MS + 4_000

/** How often a statement meets a fault: never, now and then, always. */
const FAULT_SHARES = [0, 0, 0.05, 0.3, 0.6, 1] as const

export interface Story {
  /** What happened, a line each. The same seed has the same. */
  readonly trace: readonly string[]
  readonly entries: number
  readonly faults: number
  readonly error: Error | undefined
}

/** One story of some recorders and relays on one database, with faults and then without. */
export async function simulate(seed: number): Promise<Story> {
  const world = new World(seed)
  let error: Error | undefined
  world.time.install()
  try {
    await world.live()
    await world.heal()
    await world.end()
  } catch (thrown) {
    error = thrown instanceof Error ? thrown : new Error(String(thrown))
  } finally {
    world.time.uninstall()
  }
  const { trace, entries, faults } = world
  return { trace, entries, faults, error }
}

class World {
  readonly time: VirtualTime
  readonly trace: string[] = []
  entries = 0
  faults = 0
  readonly #random: Random
  readonly #model = new Model()
  readonly #recorders: RecorderActor[] = []
  readonly #relays: RelayActor[] = []
  readonly #actions = new Map<number, string>()
  readonly #failures: Error[] = []
  #faultShare = 0
  #names = 0

  constructor(seed: number) {
    this.#random = new Random(seed)
    const chance = new Random(seed + 1_000_003)
    this.time = new VirtualTime(START_MS, () => chance.next())
  }

  /** Safety: what is checked here holds after every event. */
  async live(): Promise<void> {
    const random = this.#random
    for (let n = random.between(1, 2); n > 0; n -= 1) this.#openRecorder()
    for (let n = random.between(1, 2); n > 0; n -= 1) this.#openRelay()
    for (let step = random.between(10, 30); step > 0; step -= 1) {
      this.#act()
      await this.#pass(random.chance(0.2) ? random.between(500, 3_000) : random.between(1, 300))
      for (const actor of this.#recorders) checkRecorder(actor, this.#model)
    }
  }

  /** Liveness: once nothing fails any more, everything arrives. */
  async heal(): Promise<void> {
    this.#say('healed')
    this.#faultShare = 0
    await this.#pass(LATEST_COMMIT_MS)
    if (this.#live().length === 0) this.#openRecorder()
    if (this.#relays.length === 0) this.#openRelay()
    const endMs = this.time.nowMs + MAX_HEALING_MS
    while (this.time.nowMs < endMs && !this.#isSettled()) await this.#pass(200)
    checkMoved(this.#model)
    for (const actor of this.#live()) {
      assert.equal(actor.outagesBegun, actor.outagesEnded, 'each outage that began has ended')
    }
    this.#checkAccounts()
  }

  async end(): Promise<void> {
    const closed = this.#live().map(async (actor) => {
      const { dropped } = await actor.recorder.close({ timeoutMs: 20_000 })
      actor.state = 'closed'
      assert.equal(dropped, 0, 'a database that is there takes everything')
      const reported = this.#model.recorders.get(actor.id)
      const { recorded } = actor.recorder.stats()
      if (recorded === 0) return
      assert.deepEqual([reported?.closed, reported?.accepted], [true, recorded], 'the last report')
    })
    await this.#finish(Promise.all(closed), 'every recorder to close')
    while (!this.#areLanesEmpty()) await this.#pass(1_000)
    await this.#finish(Promise.all(this.#relays.map(({ relay }) => relay.stop())), 'relays to stop')
    checkLog(this.#model, this.#recorders)
    checkMoved(this.#model)
    this.#checkAccounts()
  }

  #act(): void {
    const random = this.#random
    const dice = random.next()
    if (dice < 0.5) this.#record()
    else if (dice < 0.6) this.#flush()
    else if (dice < 0.8) this.#changeFaults()
    else if (dice < 0.86) this.#crash()
    else if (dice < 0.9) this.#closeRecorder()
    else if (dice < 0.93) this.#killRecorder()
    else if (dice < 0.96) this.#openRecorder()
    else if (dice < 0.98) this.#openRelay()
    else this.#killRelay()
  }

  #record(): void {
    const actor = this.#someRecorder()
    if (actor === undefined) return
    const count = this.#random.between(1, 15)
    const before = this.entries
    for (let n = 0; n < count; n += 1) {
      const dice = this.#random.next()
      const action = dice < 0.02 ? REFUSED_IN_LANE : dice < 0.04 ? REFUSED_IN_LOG : 'good.one'
      this.entries += 1
      if (actor.record(this.entries, action)) this.#actions.set(this.entries, action)
    }
    this.#say(`${actor.name} records ${before + 1} to ${this.entries}`)
  }

  #flush(): void {
    const actor = this.#someRecorder()
    if (actor === undefined) return
    const before = actor.accepted.length
    this.#say(`${actor.name} flushes`)
    const flushed = actor.recorder.flush({ timeoutMs: this.#random.between(10, 5_000) })
    this.#guard(
      flushed.then((isStaged) => {
        if (!isStaged || actor.state === 'killed') return
        const staged = new Set(this.#stagedNumbers())
        for (const n of actor.accepted.slice(0, before)) {
          const isThere = staged.has(n) || this.#actions.get(n) === REFUSED_IN_LANE
          assert.ok(isThere, `${actor.name} says that ${n} is staged`)
        }
      }),
    )
  }

  #changeFaults(): void {
    this.#faultShare = this.#random.pick(FAULT_SHARES)
    this.#say(`faults: ${this.#faultShare}`)
  }

  #crash(): void {
    this.#say('the fast lane is emptied')
    this.#model.crash()
  }

  #openRecorder(): void {
    const random = this.#random
    this.#names += 1
    const name = `recorder ${this.#names}`
    const options = {
      flushIntervalMs: random.pick([5, 50]),
      maxBatchEntries: random.pick([3, 10, 100]),
      maxBufferEntries: random.pick([20, 100, 1_000]),
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      reportIntervalMs: REPORT_INTERVAL_MS,
    }
    this.#recorders.push(new RecorderActor(name, this.#wire(name), options))
    this.#say(`${name} opens`)
  }

  #closeRecorder(): void {
    const actor = this.#someRecorder()
    if (actor === undefined) return
    this.#say(`${actor.name} closes`)
    actor.state = 'closing'
    const timeoutMs = this.#random.between(0, 4_000)
    this.#guard(
      actor.recorder.close({ timeoutMs }).then(() => {
        actor.state = 'closed'
        this.#say(`${actor.name} is closed`)
      }),
    )
  }

  #killRecorder(): void {
    const actor = this.#someRecorder()
    this.#say(`${actor?.name} is killed`)
    actor?.kill()
  }

  #openRelay(): void {
    this.#names += 1
    const name = `relay ${this.#names}`
    const options = {
      batchEntries: this.#random.pick([2, 5, 50]),
      parallelMoves: this.#random.pick([1, 2, 3]),
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
    }
    this.#relays.push(new RelayActor(this.#wire(name), options))
    this.#say(`${name} opens`)
  }

  #killRelay(): void {
    this.#say('a relay is killed')
    this.#relays.shift()?.kill()
  }

  #wire(name: string): Wire {
    return new Wire(name, this.#model, {
      random: this.#random,
      statementTimeoutMs: STATEMENT_TIMEOUT_MS,
      faultShare: () => this.#faultShare,
      say: (what) => {
        if (!what.endsWith(': ok')) this.faults += 1
        this.#say(what)
      },
    })
  }

  #live(): RecorderActor[] {
    return this.#recorders.filter(({ state }) => state === 'live')
  }

  #someRecorder(): RecorderActor | undefined {
    const live = this.#live()
    return live[Math.floor(this.#random.next() * live.length)]
  }

  *#stagedNumbers(): Generator<unknown> {
    for (const { metadata } of this.#model.staged.values()) yield metadata['n']
  }

  #areLanesEmpty(): boolean {
    const { lanes, isLaneFresh } = this.#model
    return isLaneFresh && lanes.staging.length === 0 && lanes.outbox.length === 0
  }

  /** Whether there is nothing left that could still change. */
  #isSettled(): boolean {
    if (!this.#areLanesEmpty()) return false
    if (this.#recorders.some(({ state }) => state === 'closing')) return false
    return this.#live().every((actor) => {
      const { recorded, bufferedEntries, dropped } = actor.recorder.stats()
      if (bufferedEntries > 0) return false
      if (recorded === 0) return true
      const reported = this.#model.recorders.get(actor.id)
      if (reported?.accepted !== recorded) return false
      const { refused = 0 } = dropped
      const dead = this.#model.deadLetters.filter(({ recorderId }) => recorderId === actor.id)
      return reported.logged + dead.length + refused >= recorded
    })
  }

  #checkAccounts(): void {
    for (const actor of this.#recorders) {
      checkAccount(actor, this.#model, (n) => this.#actions.get(n) === REFUSED_IN_LANE)
    }
  }

  async #pass(ms: number): Promise<void> {
    await this.time.passUntil(this.time.nowMs + ms)
    const [failure] = this.#failures
    if (failure) throw failure
  }

  /** Lets time pass until it is done. */
  async #finish(work: Promise<unknown>, what: string): Promise<void> {
    let isDone = false
    this.#guard(
      work.then(() => {
        isDone = true
      }),
    )
    const endMs = this.time.nowMs + MAX_HEALING_MS
    await this.time.passUntil(endMs, () => isDone || this.#failures.length > 0)
    const [failure] = this.#failures
    if (failure) throw failure
    assert.ok(isDone, `did not happen in time: ${what}`)
  }

  #guard(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.#failures.push(error instanceof Error ? error : new Error(String(error)))
    })
  }

  #say(what: string): void {
    this.trace.push(`${String(Math.round(this.time.nowMs)).padStart(7)} ${what}`)
  }
}
