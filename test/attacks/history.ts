import { tail, type TailedEntry } from '../../src/read/tail.ts'
import { timeline } from '../../src/read/timeline.ts'
import { openDatabase, silentLogger } from '../support/lanes.ts'
import { appendToLog } from '../support/log-entries.ts'
import { createRelay } from '../../relay/index.ts'
import type { Arena } from './arena.ts'
import { type Attack, held, type Outcome, succeeded } from './attack.ts'

/** What a restore of an older backup, or a failover that lost commits, leaves of the log. */
async function goBackTo({ sql }: Arena, seq: number): Promise<void> {
  await sql.begin(async (tx) => {
    const parts = await tx`
      select relid::regclass::text as name from pg_partition_tree('audit.audit_log')`
    for (const { name } of parts) await tx`alter table ${tx(name)} disable trigger all`
    await tx`delete from audit.audit_log where seq > ${seq}::bigint`
    await tx`update audit.audit_head set seq = ${seq}::bigint`
  })
}

async function tailed(arena: Arena, count: number, from: Parameters<typeof tail>[1]) {
  const db = openDatabase(arena.t, arena.urlAs('audit_reader'))
  const entries: TailedEntry[] = []
  const signal = AbortSignal.timeout(5_000)
  for await (const one of tail(db, { ...from, signal })) {
    entries.push(one)
    if (entries.length === count) break
  }
  return entries
}

/** A reader stands at 6, the log goes back to 2 and on to `onTo` with other entries. */
async function numberedAgain(arena: Arena, onTo: number, declared: boolean): Promise<Outcome> {
  await appendToLog(
    arena.sql,
    Array.from({ length: 6 }, () => ({ action: 'before.do' })),
  )
  const after = (await tailed(arena, 6, { fromSeq: 1 })).at(-1)
  if (after === undefined) return succeeded('nothing was read before')
  await goBackTo(arena, 2)
  if (declared) await arena.sql`select audit.declare_restored()`
  await appendToLog(
    arena.sql,
    Array.from({ length: onTo - 2 }, () => ({ action: 'again.do' })),
  )
  return await tailed(arena, 1, { after }).then(
    (entries) =>
      succeeded(`it read ${entries.map(({ seq }) => seq).join() || 'nothing'} and said nothing`),
    (error: unknown) => {
      const code = String(Reflect.get(Object(error), 'code'))
      const from = Reflect.get(Object(error), 'readAgainFromSeq')
      return code === 'AUDIT_HISTORY_CHANGED'
        ? held(`${code}, read again from ${from}`)
        : succeeded(code)
    },
  )
}

export const historyPart: readonly Attack[] = [
  ...(
    [
      [4, false],
      [6, false],
      [9, false],
      [9, true],
    ] as const
  ).map(
    ([onTo, declared]): Attack => ({
      name: `a restore to 2 that goes on to ${onTo}${declared ? ', declared' : ''}; a tail stands at 6`,
      by: 'no one',
      play: (arena) => numberedAgain(arena, onTo, declared),
    }),
  ),
  {
    name: "a page's cursor of a history that is over",
    by: 'no one',
    async play(arena) {
      await appendToLog(arena.sql, [{}, {}, {}])
      const db = openDatabase(arena.t, arena.urlAs('audit_reader'))
      const { nextCursor } = await timeline(db, { limit: 2 })
      await arena.sql`select audit.declare_restored()`
      return await timeline(db, { limit: 2, cursor: nextCursor ?? '' }).then(
        () => succeeded('it was taken'),
        (error: unknown) => held(String(Reflect.get(Object(error), 'code'))),
      )
    },
  },
  {
    name: 'entries wait, and the log that a relay knows is gone',
    by: 'no one',
    async play(arena) {
      const relay = createRelay({ databaseUrl: arena.urlAs('audit_relay'), logger: silentLogger() })
      arena.t.after(() => relay.stop())
      const app = arena.as('audit_app')
      await app`select audit.record('[{"action":"a.b"},{"action":"a.c"}]')`
      await relay.drain({ deadlineMs: 10_000 })
      const [before] = await arena.sql`select history from audit.audit_head`
      const [state] = await arena.sql`
        select state from audit.identify(${before?.['history']}::uuid, 2, (select id from audit.audit_log where seq = 2))`
      await goBackTo(arena, 1)
      const [lost] = await arena.sql`
        select state from audit.identify(${before?.['history']}::uuid, 2, gen_random_uuid())`
      return state?.['state'] === 'same' && lost?.['state'] === 'lost'
        ? held('noticed as lost')
        : succeeded(`${state?.['state']}, then ${lost?.['state']}`)
    },
  },
  ...(
    ['audit_app', 'audit_relay', 'audit_reader', 'audit_keeper', 'audit_eraser', 'nobody'] as const
  ).map(
    (by): Attack => ({
      name: 'declare a restore that never was',
      by,
      async play(arena) {
        const code = await arena.as(by)`select audit.declare_restored()`.then(
          () => undefined,
          (error: unknown) => String(Reflect.get(Object(error), 'code')),
        )
        return code === '42501' ? held('refused 42501') : succeeded(String(code))
      },
    }),
  ),
]
