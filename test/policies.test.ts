import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type postgres from 'postgres'
import type { Policy } from '../relay/life/policies.ts'
import { runRelay } from './support/audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { relayOn } from './support/lanes.ts'
import { connectAs, refusalOf } from './support/logins.ts'

interface Changed {
  /** In how many days it counts, rounded to minutes; null where nothing was said. */
  readonly days: number | null
  readonly isNew: boolean
}

/** A log whose clock can be set forward, and a login with the role `audit_keeper` and nothing else. */
async function keeperOn(t: TestContext, scratch: ScratchDatabase) {
  const { sql } = scratch
  await sql`alter table audit.audit_log disable trigger all`
  await sql`alter table audit.audit_log_default disable trigger all`
  const partitions = await sql`
    select inhrelid::regclass::text as name from pg_inherits
    where inhparent = 'audit.audit_log'::regclass`
  for (const { name } of partitions) await sql.unsafe(`alter table ${name} disable trigger all`)
  const keeper = connectAs(t, scratch, 'audit_keeper')
  const relay = relayOn(t, scratch)
  const changed = (row: postgres.Row | undefined): Changed => {
    const at: Date | null = row?.['effective_at'] ?? null
    const days = at === null ? null : (at.getTime() - Date.now()) / 86_400_000
    return {
      days: days === null ? null : Math.round(days * 1440) / 1440 + 0,
      isNew: row?.['is_new'],
    }
  }
  return {
    keeper,
    async set(actions: string, keep: string | null): Promise<Changed> {
      const [row] = await keeper`select * from audit.set_policy(${actions}, ${keep}::interval)`
      return changed(row)
    },
    async remove(actions: string): Promise<Changed> {
      const [row] = await keeper`select * from audit.remove_policy(${actions})`
      return changed(row)
    },
    /** Everything that was said or logged is so many days older. */
    async pass(days: number) {
      await sql`update audit.audit_policy set set_at = set_at - ${days} * interval '1 day',
        effective_at = effective_at - ${days} * interval '1 day'`
      await sql`update audit.audit_log set logged_at = logged_at - ${days} * interval '1 day'`
    },
    /** What the keeper said is in the log. */
    async log() {
      await relay.drain({ deadlineMs: 60_000 })
    },
    async keptFor(action: string, inDays = 0): Promise<string> {
      const [row] = await sql`
        select audit.keep_for(${action}, clock_timestamp() + ${inDays} * interval '1 day')::text as keep`
      return row?.['keep'] ?? 'forever'
    },
  }
}

const AT_ONCE: Changed = { days: 0, isNew: true }
const AFTER_THE_GRACE: Changed = { days: 7, isNew: true }

test('the first policy counts after seven days, and the most exact one holds', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, log, pass, keptFor } = await keeperOn(t, scratch)
  assert.equal(await keptFor('temp.upload'), 'forever')
  assert.deepEqual(await set('*', '90 days'), AFTER_THE_GRACE)
  assert.deepEqual(await set('temp.*', '30 days'), AFTER_THE_GRACE)
  assert.deepEqual(await set('temp.keep', '1 year'), AFTER_THE_GRACE)
  assert.deepEqual(await set('billing.*', null), AT_ONCE)
  await log()
  await pass(6.99)
  assert.equal(await keptFor('temp.upload'), 'forever')
  await pass(0.02)
  const kept: readonly (readonly [string, string])[] = [
    ['temp.upload', '30 days'],
    ['temp', '30 days'],
    ['temp.keep', '1 year'],
    ['temp.keep.more', '30 days'],
    ['temporary.upload', '90 days'],
    ['billing.pay', 'forever'],
    ['a', '90 days'],
    ['audit.gap', 'forever'],
    ['audit.policy', 'forever'],
    ['audit.read', 'forever'],
  ]
  for (const [action, keep] of kept) assert.equal(await keptFor(action), keep, action)
})

test('what shortens in a roundabout way counts after the grace, too', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, remove, log, pass, keptFor } = await keeperOn(t, scratch)
  await set('*', '90 days')
  await set('temp.*', '1 year')
  await log()
  await pass(8)
  // A more exact one that keeps less; one that keeps more.
  assert.deepEqual(await set('temp.upload', '30 days'), AFTER_THE_GRACE)
  assert.deepEqual(await set('temp.keep', '2 years'), AT_ONCE)
  // The less exact one would step in.
  assert.deepEqual(await remove('temp.*'), AFTER_THE_GRACE)
  assert.deepEqual(await remove('temp.keep'), AFTER_THE_GRACE)
  assert.equal(await keptFor('temp.keep'), '2 years')
  assert.equal(await keptFor('temp.other'), '1 year')
  await log()
  await pass(7.01)
  assert.equal(await keptFor('temp.keep'), '90 days')
  assert.equal(await keptFor('temp.other'), '90 days')
  assert.equal(await keptFor('temp.upload'), '30 days')
  // Longer, so at once: the next one keeps more, or nothing is left that takes anything.
  assert.deepEqual(await remove('temp.upload'), AT_ONCE)
  assert.deepEqual(await remove('*'), AT_ONCE)
  assert.equal(await keptFor('temp.upload'), 'forever')
  assert.deepEqual(await remove('*'), { days: null, isNew: false })
  assert.deepEqual(await remove('never.set'), { days: null, isNew: false })
})

test('nobody gets around the grace by what was said before', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, remove, log, pass, keptFor } = await keeperOn(t, scratch)
  // Something else that keeps less: the seven days begin again, and what was said is taken back.
  assert.deepEqual(await set('a.*', '90 days'), AFTER_THE_GRACE)
  await log()
  await pass(6)
  assert.deepEqual(await set('a.*', '30 days'), AFTER_THE_GRACE)
  await log()
  await pass(2)
  assert.equal(await keptFor('a.b'), 'forever')
  // The same again changes nothing: it goes on counting.
  assert.deepEqual(await set('a.*', '30 days'), { days: 5, isNew: false })
  await pass(5.01)
  assert.equal(await keptFor('a.b'), '30 days')
  assert.equal((await set('a.*', '30 days')).isNew, false)
  // Longer and back again.
  assert.deepEqual(await set('a.*', '1 year'), AT_ONCE)
  assert.equal(await keptFor('a.b'), '1 year')
  assert.deepEqual(await set('a.*', '30 days'), AFTER_THE_GRACE)
  assert.equal(await keptFor('a.b'), '1 year')
  // Taken back before it counts.
  assert.deepEqual(await set('a.*', '1 year'), AT_ONCE)
  await log()
  await pass(8)
  assert.equal(await keptFor('a.b'), '1 year')
  // A less exact one comes to count while the more exact one is removed.
  await set('c.*', null)
  assert.deepEqual(await set('*', '10 days'), AFTER_THE_GRACE)
  await log()
  await pass(6)
  assert.deepEqual(await remove('c.*'), AFTER_THE_GRACE)
  await log()
  await pass(1.01)
  assert.equal(await keptFor('d.e'), '10 days')
  assert.equal(await keptFor('c.d'), 'forever')
  await pass(6)
  assert.equal(await keptFor('c.d'), '10 days')
})

test('what will keep more is not taken back before the grace is over', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, remove, log, pass, keptFor } = await keeperOn(t, scratch)
  await set('*', '90 days')
  await set('a.*', '7 years')
  await log()
  await pass(8)
  // It shortens when it is said, and no more once "*" keeps longer.
  assert.deepEqual(await remove('a.*'), AFTER_THE_GRACE)
  await log()
  assert.deepEqual(await set('*', '10 years'), AT_ONCE)
  await pass(3)
  assert.equal(await keptFor('a.b'), '7 years')
  assert.equal(await keptFor('a.b', 4.01), '10 years')
  assert.deepEqual(await set('a.*', '1 year'), AFTER_THE_GRACE)
  await log()
  assert.equal(await keptFor('a.b', 4.01), '10 years')
  assert.equal(await keptFor('a.b', 6.99), '10 years')
  assert.equal(await keptFor('a.b', 7.01), '1 year')
})

// A month has 28 to 31 days, and Postgres holds it equal to 30.
test('a month for 30 days can be less, and so can 30 days for a month', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, log, pass } = await keeperOn(t, scratch)
  await set('*', '30 days')
  await log()
  await pass(8)
  assert.deepEqual(await set('*', '1 month'), AFTER_THE_GRACE)
  assert.deepEqual(await set('*', '31 days'), AT_ONCE)
  assert.deepEqual(await set('*', '30 days'), AFTER_THE_GRACE)
  await log()
  await pass(8)
  assert.deepEqual(await set('*', '12 months'), AT_ONCE)
  assert.deepEqual(await set('*', '366 days'), AT_ONCE)
  assert.deepEqual(await set('*', '1 year'), AFTER_THE_GRACE)
  assert.deepEqual(await set('*', '365 days'), AFTER_THE_GRACE)
  assert.deepEqual(await set('*', '8784 hours'), { days: 0, isNew: true }, 'takes back the other')
})

// Goal: seven days in which everybody can see it.
// Method: the entry that says it is not logged, as while the transaction that said it stays open.
test('the grace begins when the change is in the log', async (t) => {
  const scratch = await scratchDatabase(t)
  const { keeper, set, remove, log, pass, keptFor } = await keeperOn(t, scratch)
  await set('*', '90 days')
  await pass(30)
  assert.equal(await keptFor('a.b'), 'forever')
  await log()
  await pass(6.99)
  assert.equal(await keptFor('a.b'), 'forever')
  const [waiting] = await keeper`
    select actions, keep, removed, in_force, counts_at::timestamptz > now() as is_waiting
    from audit.list_policies()`
  const row = { actions: '*', keep: '90 days', removed: false }
  assert.deepEqual({ ...waiting }, { ...row, in_force: false, is_waiting: true })
  // What shortens while it waits is seen to do so.
  await set('c.*', null)
  assert.deepEqual(await remove('c.*'), AFTER_THE_GRACE)
  await pass(0.02)
  assert.equal(await keptFor('a.b'), '90 days')
  const [held] = await keeper`select actions, keep, removed, in_force from audit.list_policies()`
  assert.deepEqual({ ...held }, { ...row, in_force: true })
})

test('a policy is for a pattern that means something, and of the log itself for reading alone', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, log, pass, keptFor } = await keeperOn(t, scratch)
  for (const actions of [
    '',
    'a*',
    '*.a',
    '.*',
    '**',
    'a.b.*',
    'a.**',
    '*.*',
    'x'.repeat(129),
    null,
  ]) {
    const refusal = await refusalOf(set(actions as string, '30 days'))
    assert.equal(refusal?.code, '22023', String(actions))
    assert.match(refusal?.message ?? '', /^a policy is for an action such as/)
  }
  for (const actions of [
    'audit.*',
    'audit.gap',
    'audit.policy',
    'audit',
    'AUDIT.read',
    ' audit.read',
    'аudit.gap',
  ]) {
    const refusal = await refusalOf(set(actions, '30 days'))
    assert.equal(refusal?.code, '22023', actions)
    assert.match(refusal?.message ?? '', /of those audit\.read alone/)
  }
  for (const keep of ['3 days 23:59:59', '-30 days', '1 month -3 days', '101 years', '0']) {
    const refusal = await refusalOf(set('a.b', keep))
    assert.equal(refusal?.code, '22023', keep)
    assert.match(refusal?.message ?? '', /^a policy keeps entries for 4 days to 100 years/)
  }
  await set('audit.read', '4 days')
  await set('*', '5 days')
  await log()
  await pass(8)
  assert.equal(await keptFor('audit.read'), '4 days')
  assert.equal(await keptFor('audit.read_denied'), 'forever')
  assert.equal(await keptFor('a.b'), '5 days')
})

test('each change is an entry of the log', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, remove, log } = await keeperOn(t, scratch)
  await set('a.*', '30 days')
  await set('a.*', '30 days')
  await set('a.*', '20 days')
  await remove('a.*')
  await log()
  const login = new URL(scratch.urlAs('audit_keeper')).username
  const entries = await scratch.sql`
    select metadata - 'effectiveAt' as metadata, context, written_by,
      round(extract(epoch from (metadata ->> 'effectiveAt')::timestamptz - occurred_at) / 86400)::integer as days
    from audit.audit_log where action = 'audit.policy' order by occurred_at`
  const by = { context: { databaseLogin: login }, written_by: login }
  const said = (change: string, keep: string | null, days: number) => ({
    metadata: { actions: 'a.*', change, keep },
    ...by,
    days,
  })
  assert.deepEqual(
    entries.map((row) => ({ ...row })),
    [
      said('set', '30 days', 7),
      said('taken back', null, 0),
      said('set', '20 days', 7),
      said('removed', null, 0),
    ],
  )
})

test('one change at a time, with what others have committed', async (t) => {
  const scratch = await scratchDatabase(t)
  const { keeper } = await keeperOn(t, scratch)
  const other = connectAs(t, scratch, 'audit_keeper')
  await keeper`begin`
  await keeper`select audit.set_policy('*', '30 days')`
  assert.equal((await refusalOf(other`select audit.set_policy('a.b', '30 days')`))?.code, '55P03')
  await keeper`commit`
  await keeper`begin isolation level repeatable read`
  const refusal = await refusalOf(keeper`select audit.set_policy('a.b', '30 days')`)
  assert.equal(refusal?.code, '25000')
})

// Goal: who removes sees what was said last, though his transaction began before.
test('what counts at once counts for a transaction that has begun', async (t) => {
  const scratch = await scratchDatabase(t)
  const { set, log, pass } = await keeperOn(t, scratch)
  await set('*', '30 days')
  await log()
  await pass(8)
  const remover = connectAs(t, scratch, 'audit_owner')
  await remover`begin`
  const keep = async () => {
    const [row] = await remover`
      select audit.keep_for('a.b')::text as keep, array(
        select p.actions from audit.policies_in_force() as p order by 1) as actions`
    return { ...row }
  }
  assert.deepEqual(await keep(), { keep: '30 days', actions: ['*'] })
  await set('a.b', '1 year')
  assert.deepEqual(await keep(), { keep: '1 year', actions: ['*', 'a.b'] })
})

/** Numbers that look random, the same for the same seed. */
function randomly(seed: number) {
  let state = seed
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const PATTERNS = ['*', 'a.*', 'a.x', 'a.y', 'b.y', 'audit.read']
const ACTIONS = ['a.x', 'a.y', 'a.z', 'b.y', 'c', 'audit.read']
const KEEPS = ['4 days', '30 days', '1 month', '31 days', '1 year', null]
const EVER = 1e6

/** Moments for which is asked what will be kept then: every quarter of a day of the grace. */
const MOMENTS = 28

/** For how many days each action will be kept at each moment from now on. */
async function planOf(sql: postgres.Sql): Promise<ReadonlyMap<string, readonly number[]>> {
  const rows = await sql<{ moment: number; actions: string; days: number }[]>`
    select d.moment, p.actions, coalesce(extract(epoch from
      timestamp '2100-03-15' - (timestamp '2100-03-15' - p.keep)) / 86400, ${EVER})::float8 as days
    from generate_series(0, ${MOMENTS - 1}) as d (moment),
    lateral audit.policies_in_force(clock_timestamp() + d.moment * interval '6 hours') as p`
  const kept = (action: string, at: number): number => {
    const inForce = rows.filter(({ moment }) => moment === at)
    const own = action.startsWith('audit.') ? [action] : [action, `${action.split('.')[0]}.*`, '*']
    const [first] = own.flatMap((actions) => inForce.filter((one) => one.actions === actions))
    return first?.days ?? EVER
  }
  const moments = Array.from({ length: MOMENTS }, (_, at) => at)
  return new Map(ACTIONS.map((action) => [action, moments.map((at) => kept(action, at))]))
}

// Goal: whatever the keeper says, nothing is kept for less than was known seven days before.
// Method: what was planned at each moment for each of the next seven days; no later word shortens it.
const SEEDS = [7, 21, 1999]
for (const seed of SEEDS) {
  test(`no order of changes shortens anything sooner than the grace (seed ${seed})`, async (t) => {
    const scratch = await scratchDatabase(t)
    const { set, remove, log, pass } = await keeperOn(t, scratch)
    const random = randomly(seed)
    const one = <T>(list: readonly T[]): T => list[random(list.length)] as T
    let plans: { ago: number; plan: ReadonlyMap<string, readonly number[]>; after: string }[] = []
    for (let step = 1; step <= 40; step += 1) {
      let after = ''
      for (let words = random(3); words >= 0; words -= 1) {
        const [actions, keep] = [one(PATTERNS), one(KEEPS)]
        if (random(3) === 0) await remove(actions)
        else await set(actions, keep)
        after += ` ${actions} ${keep}`
      }
      if (random(3) > 0) await log()
      const plan = await planOf(scratch.sql)
      for (const earlier of plans) {
        for (const [action, promised] of earlier.plan) {
          for (const [at, days] of promised.slice(earlier.ago).entries()) {
            assert.ok(
              (plan.get(action)?.[at] ?? 0) >= days,
              `step ${step},${after}: ${action} in ${at / 4} days, and ${earlier.ago / 4} days ago,` +
                `${earlier.after}, it was to be kept for ${days} days then`,
            )
          }
        }
      }
      const quarters = 1 + random(10)
      await pass(quarters / 4)
      plans = [...plans, { ago: 0, plan, after }]
        .map((one) => ({ ...one, ago: one.ago + quarters }))
        .filter(({ ago }) => ago < MOMENTS)
    }
  })
}

/** The command as an operator runs it: with the rights of `audit_keeper`. */
function policyCommand(t: TestContext, { urlAs }: ScratchDatabase) {
  const environment = { AUDIT_KEEPER_DATABASE_URL: urlAs('audit_keeper') }
  return (...args: string[]) => runRelay(t, ['policy', ...args], environment)
}

test('audit-relay policy sets, lists and removes, for people and for machines', async (t) => {
  const scratch = await scratchDatabase(t)
  const { log, pass } = await keeperOn(t, scratch)
  const run = policyCommand(t, scratch)
  const none = await run('list')
  assert.equal(none.stdout, 'There are no policies: everything is kept forever.\n', none.stderr)
  const first = await run('set', 'temp.*', '--keep', '30 days')
  assert.equal(first.code, 0, first.stderr)
  assert.match(
    first.stdout,
    /^temp\.\* is kept for 30 days: it counts from \d{4}-\d\d-\d\d \d\d:\d\d UTC on\. Less is kept/,
  )
  const again = await run('set', 'temp.*', '--keep', '30days')
  assert.match(
    again.stdout,
    /^temp\.\* is kept for 30 days: that was said before\. It counts from /,
  )
  const ever = await run('set', 'a.b', '--keep', 'forever', '--json')
  const { effectiveAt, ...rest } = JSON.parse(ever.stdout)
  assert.deepEqual(rest, { actions: 'a.b', keep: null, countsNow: true, isNew: true })
  assert.ok(Math.abs(Date.now() - Date.parse(effectiveAt)) < 60_000)
  const waiting = await run('list')
  assert.match(waiting.stdout, /^actions {2}kept/)
  assert.match(waiting.stdout, /^a\.b {6}forever {9}since \d{4}-/m)
  assert.match(waiting.stdout, /^temp\.\* {3}for 30 days {5}not logged yet {14}\S+$/m)
  await log()
  await pass(8)
  const reading = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
  const { stdout } = await runRelay(t, ['policy', 'list', '--json'], reading)
  const shown = JSON.parse(stdout).map(({ setAt, setBy, countsAt, ...policy }: Policy) => {
    assert.ok(Date.parse(setAt) <= Date.parse(countsAt ?? ''), setBy)
    return policy
  })
  assert.deepEqual(shown, [
    { actions: 'a.b', keep: null, removed: false, inForce: true },
    { actions: 'temp.*', keep: '30 days', removed: false, inForce: true },
  ])
  const removed = await run('remove', 'temp.*')
  assert.equal(removed.stdout, 'temp.* has no policy any more: it counts from now on.\n')
  const gone = await run('remove', 'temp.*')
  assert.deepEqual([gone.code, gone.stdout], [1, 'temp.* has no policy of its own.\n'])
  const stranger = await runRelay(t, ['policy', 'set', 'a.b', '--keep', '5 days'], {
    AUDIT_KEEPER_DATABASE_URL: scratch.urlAs('audit_reader'),
  })
  assert.equal(stranger.code, 4)
  assert.match(stranger.stderr, /grant audit_keeper to /)
})
