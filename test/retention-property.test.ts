import assert from 'node:assert/strict'
import { randomInt, randomUUID } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { scratchDatabase } from './support/database.ts'
import { openDatabase } from './support/lanes.ts'
import { connectAs } from './support/logins.ts'
import { keepUntil, logOld, makePartition, monthsAgo, partitionOf } from './support/old-log.ts'
import { placeHold, releaseHold, setPolicy } from './support/policies.ts'

// Goal: whatever happens in whatever order, nothing that a policy or a hold keeps is removed, nothing
// that is due is left by a run that was not blocked, and the log says of each number that is gone which
// entry took it.
// Method: stories of random steps, with a model in plain TypeScript that is told of each entry, policy
// and hold and works out itself what may go. A seed tells the same story again: AUDIT_FUZZ_SEED.

const MONTHS = [6, 5, 4, 3, 2] as const
const ACTIONS = ['temp.a', 'temp.b', 'billing.pay', 'user.login', 'audit.gap'] as const
const PATTERNS = ['*', 'temp.*', 'temp.a', 'billing.*', 'user.login'] as const
const USERS = Array.from({ length: 4 }, () => randomUUID())
const STEPS = 30
const STORIES = 2

/** As small as it can be, and the same on every machine. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    return Math.floor((state / 2_147_483_648) * below)
  }
}

interface Entry {
  readonly seq: number
  readonly months: number
  readonly action: string
  readonly userId: string
}

class Story {
  readonly #t: TestContext
  readonly #pick: (below: number) => number
  readonly #sql: postgres.Sql
  readonly #scratch: Awaited<ReturnType<typeof scratchDatabase>>
  readonly #entries = new Map<number, Entry>()
  /** The month from which on a policy lets entries go: those of it and before. Null: forever. */
  readonly #policies = new Map<string, number | null>()
  readonly #holds = new Map<string, string>()
  #gone = new Set<number>()
  readonly told: string[] = []

  constructor(t: TestContext, scratch: Awaited<ReturnType<typeof scratchDatabase>>, seed: number) {
    this.#t = t
    this.#scratch = scratch
    this.#sql = scratch.sql
    this.#pick = randomFrom(seed)
  }

  async tell(): Promise<void> {
    for (const months of MONTHS) await makePartition(this.#sql, months)
    await this.#log(40)
    for (let step = 0; step < STEPS; step += 1) {
      await this.#step()
      await this.#check()
    }
    await this.#apply()
    await this.#check()
  }

  #one<T>(of: readonly T[]): T {
    return of[this.#pick(of.length)] as T
  }

  async #step(): Promise<void> {
    const steps = [
      () => this.#log(1 + this.#pick(5)),
      () => this.#changePolicy(),
      () => this.#changeHold(),
      () => this.#apply(),
      () => this.#apply(),
      () => this.#dieIn('build'),
      () => this.#dieIn('swap'),
      () => this.#changeBetween(),
      () => this.#undo(),
      () => this.#age(),
    ]
    await this.#one(steps)()
  }

  async #log(count: number): Promise<void> {
    const made = Array.from({ length: count }, () => ({
      months: this.#one(MONTHS),
      action: this.#one(ACTIONS),
      userId: this.#one(USERS),
    }))
    const seqs = await logOld(this.#sql, made)
    for (const [index, entry] of made.entries()) {
      const seq = seqs[index] ?? 0
      this.#entries.set(seq, { ...entry, seq })
    }
    this.told.push(`logged ${seqs.join(', ')}`)
  }

  async #changePolicy(): Promise<void> {
    const actions = this.#one(PATTERNS)
    const until = this.#one([null, ...MONTHS])
    await setPolicy(this.#sql, actions, until === null ? null : keepUntil(until))
    this.#policies.set(actions, until)
    this.told.push(`${actions} goes from ${until} months ago`)
  }

  async #changeHold(): Promise<void> {
    const [held] = this.#holds
    if (held !== undefined && this.#pick(2) === 0) {
      await releaseHold(this.#sql, held[0])
      this.#holds.delete(held[0])
      this.told.push('released a hold')
      return
    }
    const userId = this.#one(USERS)
    this.#holds.set(await placeHold(this.#sql, userId), userId)
    this.told.push(`held user ${USERS.indexOf(userId)}`)
  }

  async #apply(): Promise<void> {
    const result = await applyRetention(openDatabase(this.#t, this.#scratch.urlAs('audit_keeper')))
    this.told.push(`applied: ${JSON.stringify(result)}`)
    assert.deepEqual(
      result.blocked.filter(({ by }) => by !== 'hold'),
      [],
    )
    const there = await this.#there()
    const left = [...this.#entries.values()].filter((one) => there.has(one.seq) && this.#mayGo(one))
    assert.deepEqual(left, [], 'nothing that is due is left')
  }

  /** The backend dies before it commits the step. */
  async #dieIn(step: 'build' | 'swap'): Promise<void> {
    const keeper = postgres(this.#scratch.urlAs('audit_keeper'), { max: 1, onnotice: () => {} })
    const partition = partitionOf(monthsAgo(this.#one(MONTHS)))
    try {
      const isSwap = step === 'swap'
      if (isSwap) await keeper`begin`.catch(() => {})
      const [built] = await keeper`select swap from audit.build_kept(${partition})`
      if (isSwap && built?.['swap']) {
        await keeper`select audit.swap_kept(${partition}, ${built['swap']})`
      }
      const [me] = await keeper`select pg_backend_pid() as pid`
      await this.#sql`select pg_terminate_backend(${me?.['pid']})`
    } catch (error) {
      if (!(error instanceof postgres.PostgresError)) throw error
    } finally {
      await keeper.end({ timeout: 1 })
    }
    this.told.push(`died in the ${step} of ${partition}`)
  }

  /** Something comes between a build and its swap. */
  async #changeBetween(): Promise<void> {
    const keeper = connectAs(this.#t, this.#scratch, 'audit_keeper')
    const partition = partitionOf(monthsAgo(this.#one(MONTHS)))
    const [there] = await this.#sql`select from audit.audit_partition where name = ${partition}`
    if (there === undefined) return
    const [built] = await keeper`select swap from audit.build_kept(${partition})`
    await this.#one([() => this.#log(3), () => this.#changeHold(), () => this.#changePolicy()])()
    if (!built?.['swap']) return
    const [swapped] = await keeper`
      select * from audit.swap_kept(${partition}, ${built['swap']})`
    this.told.push(`swapped ${partition} after that: ${swapped?.['refusal'] ?? 'done'}`)
  }

  async #undo(): Promise<void> {
    const partition = partitionOf(monthsAgo(this.#one(MONTHS)))
    const database = openDatabase(this.#t, this.#scratch.urlAs('audit_keeper'))
    const undone = await undoRetention(database, partition)
    this.told.push(`undid ${partition}: ${JSON.stringify(undone)}`)
    // What came back is there again, and may go again.
    if ('entryId' in undone) {
      const there = await this.#there()
      this.#gone = new Set([...this.#gone].filter((seq) => !there.has(seq)))
    }
  }

  /** Time goes by, so that what was removed is dropped by the next run. */
  async #age(): Promise<void> {
    await this.#sql`
      update audit.audit_swap set swapped_at = swapped_at - interval '8 days' where state = 'swapped'`
    this.told.push('8 days went by')
  }

  async #check(): Promise<void> {
    const there = await this.#there()
    for (const entry of this.#entries.values()) {
      if (there.has(entry.seq) || this.#gone.has(entry.seq)) continue
      assert.ok(this.#mayGo(entry), `${JSON.stringify(entry)} had to stay`)
      this.#gone.add(entry.seq)
    }
    const removed = await this.#sql`
      select s::integer as seq, r.by_entry from audit.audit_removed as r,
        generate_series(r.first_seq, r.last_seq) as s`
    const gone = [...this.#entries.keys()].filter((seq) => !there.has(seq)).sort(byNumber)
    assert.deepEqual(removed.map(({ seq }) => Number(seq)).sort(byNumber), gone)
    assert.deepEqual((await this.#saidToBeGone()).sort(byNumber), gone, 'the log says so')
  }

  /** A hold or a policy that changed since keeps nothing that has gone already. */
  #mayGo({ action, months, userId }: Entry): boolean {
    if ([...this.#holds.values()].includes(userId) || action.startsWith('audit.')) return false
    const [entity] = action.split('.')
    const patterns = [action, `${entity}.*`, '*']
    const exact = patterns.find((pattern) => this.#policies.has(pattern))
    const until = exact === undefined ? null : (this.#policies.get(exact) ?? null)
    return until !== null && months >= until
  }

  async #there(): Promise<Set<number>> {
    const rows = await this.#sql`select seq::integer as seq from audit.audit_log`
    return new Set(rows.map((row) => row['seq'] as number))
  }

  /** The numbers in entries audit.retention that none audit.retention_undo took back. */
  async #saidToBeGone(): Promise<number[]> {
    const said = await this.#sql`
      select o.metadata from audit.audit_outbox as o where o.action = 'audit.retention'
        and not exists (select from audit.audit_outbox as u where u.action = 'audit.retention_undo'
          and u.metadata ->> 'retention' = o.id::text)`
    return said.flatMap(({ metadata }) =>
      (metadata.seqs as [number, number][]).flatMap(([first, last]) =>
        Array.from({ length: last - first + 1 }, (_, index) => first + index),
      ),
    )
  }
}

const byNumber = (one: number, other: number) => one - other

for (let story = 0; story < STORIES; story += 1) {
  const seed = Number(process.env['AUDIT_FUZZ_SEED'] ?? randomInt(2 ** 31)) + story
  test(`nothing goes that has to stay, and all goes that is due (seed ${seed})`, async (t) => {
    const told = new Story(t, await scratchDatabase(t), seed)
    try {
      await told.tell()
    } catch (error) {
      console.log(told.told.join('\n'))
      throw error
    }
  })
}
