import { randomUUID } from 'node:crypto'
import { timeline } from '../../src/read/timeline.ts'
import { numberedId, openDatabase } from '../support/lanes.ts'
import { idAt } from '../support/log-entries.ts'
import type { Arena } from './arena.ts'
import { type Attack, held, type Outcome, succeeded, unless } from './attack.ts'
import { DOORS, type Door, type Given, KEY, leftIn, put } from './doors.ts'

const DAY_MS = 86_400_000
const inDays = (days: number) => idAt(Date.now() + days * DAY_MS)

/** Ids that would stand somewhere else in the log than where they were recorded. */
const IDS: Readonly<Record<string, () => unknown>> = {
  'a random UUIDv4': () => randomUUID(),
  'a UUIDv4 of today': () => `${idAt(Date.now()).slice(0, 14)}4${idAt(Date.now()).slice(15)}`,
  'the greatest UUID': () => 'ffffffff-ffff-ffff-ffff-ffffffffffff',
  'the greatest UUIDv7': () => 'ffffffff-ffff-7fff-bfff-ffffffffffff',
  'the smallest UUIDv7': () => '00000000-0000-7000-8000-000000000000',
  'the nil UUID': () => '00000000-0000-0000-0000-000000000000',
  'in five months': () => inDays(150),
  'in two days': () => inDays(2),
  'a minute more than a day ahead': () => idAt(Date.now() + DAY_MS + 60_000),
  'of last year': () => inDays(-400),
  'of October 2025, another variant': () => '019a0000-0000-7000-c000-000000000000',
  'version 8': () => `${inDays(0).slice(0, 14)}8${inDays(0).slice(15)}`,
  'in capitals': () => inDays(150).toUpperCase(),
  'in braces': () => `{${inDays(150)}}`,
  'without hyphens': () => inDays(150).replaceAll('-', ''),
  'hyphens elsewhere': () =>
    `${inDays(150)
      .replaceAll('-', '')
      .replace(/(.{4})/g, '$1-')
      .slice(0, -1)}`,
  'with a space': () => ` ${inDays(150)}`,
  'a number': () => 7e30,
  'a list': () => [inDays(150)],
  'an object': () => ({ id: inDays(150) }),
  'a text of 100,000 characters': () => 'f'.repeat(100_000),
  'half of a surrogate pair': () => '\ud800',
}

async function idsThrough(arena: Arena, door: Door): Promise<Outcome> {
  const app = arena.as('audit_app')
  const problems: string[] = []
  for (const make of Object.values(IDS)) {
    for (let copies = 0; copies < 3; copies += 1) await put(app, door, [{ id: make() }])
  }
  if ((await put(app, door, [{ action: 'last.real', id: idAt(Date.now()) }])) !== undefined) {
    problems.push('an honest entry was refused')
  }
  await arena.moveAll()
  const [row] = await arena.sql`
    select count(*) filter (where id >= audit.id_floor(now() + interval '1 day'))::integer as ahead,
      count(*) filter (where id < audit.id_floor(now() - interval '40 days'))::integer as past,
      (select count(*)::integer from audit.audit_log_default) as in_default
    from audit.audit_log`
  for (const where of ['ahead', 'past', 'in_default']) {
    if (row?.[where] !== 0) problems.push(`${row?.[where]} entries ${where}`)
  }
  const first = await timeline(openDatabase(arena.t, arena.urlAs('audit_reader')), {})
  if (!first.entries.some(({ action }) => action === 'last.real')) {
    problems.push('the newest real entry is not on the first page')
  }
  const { logged, letters, refusedWith } = await leftIn(arena)
  return unless(problems, `${logged} logged today, ${letters} dead letters (${refusedWith})`)
}

const TIMES = [
  ...['infinity', '-infinity', '4713-01-01 BC', '294276-12-31', '10000-01-01T00:00:00Z'],
  ...['0000-01-01', 'now', 'tomorrow', '2026-02-30', '', 'epoch', '24:00'],
]

export const ids: readonly Attack[] = [
  ...DOORS.map(
    (door): Attack => ({
      name: `${Object.keys(IDS).length} shapes of ids, three of each, by audit.${door}`,
      by: 'audit_app',
      play: (arena) => idsThrough(arena, door),
    }),
  ),
  ...DOORS.map(
    (door): Attack => ({
      name: `${TIMES.length} times that never are, by audit.${door}`,
      by: 'audit_app',
      async play(arena) {
        const app = arena.as('audit_app')
        const raised = new Set<string>()
        for (const occurred_at of TIMES) {
          const code = await put(app, door, [{ occurred_at }])
          if (code !== undefined) raised.add(code)
          await app`set datestyle = 'German, DMY'`
        }
        await arena.moveAll()
        const [row] = await arena.sql`
        select count(*)::integer as bad from audit.audit_log
        where not occurred_at between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59+00'`
        if (row?.['bad'] !== 0) return succeeded(`${row?.['bad']} such times in the log`)
        const { letters, refusedWith } = await leftIn(arena)
        return held(
          `raised ${[...raised].sort().join(', ') || 'nothing'}; ${letters} letters (${refusedWith})`,
        )
      },
    }),
  ),
  {
    name: 'the id of an entry that is logged, with another text',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const id = numberedId(1)
      await put(app, 'record', [{ id, action: 'true.do' }])
      await arena.moveAll()
      for (const door of DOORS) await put(app, door, [{ id, action: 'false.do' }])
      await put(app, 'stage', [
        { id, action: 'false.do' },
        { id, action: 'falser.do' },
      ])
      await arena.moveAll()
      const rows = await arena.sql`select action from audit.audit_log where id = ${id}`
      const { letters, waiting } = await leftIn(arena)
      const [row] = rows
      if (rows.length !== 1 || row?.['action'] !== 'true.do') return succeeded('the entry changed')
      return letters === 0 || waiting > 0
        ? succeeded(`${letters} letters, ${waiting} waiting`)
        : held(`the entry stands, ${letters} dead letters`)
    },
  },
  {
    name: 'a dead letter of an id ahead, retried at once',
    by: 'audit_relay',
    async play(arena) {
      await put(arena.as('audit_app'), 'record', [{ id: inDays(2) }])
      const [row] = await arena.as('audit_relay')`select audit.retry_dead_letter(1) as outcome`
      return row?.['outcome'] === '22008'
        ? held('refused 22008, kept')
        : succeeded(String(row?.['outcome']))
    },
  },
  {
    name: 'seq, logged_at and every column of the log as members of an entry',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const more =
        '"seq": 9000000000000000, "logged_at": "2020-01-01", "written_by": "postgres", "ours": true,' +
        '"recorder_id": "0190a000-0000-7000-8000-000000000001", "recorder_seq": 5, "lane": "staging",' +
        '"origin": "move"'
      const given: Given = { more }
      for (const door of ['record', 'record_in'] as const) {
        for (const bad of [{}, { action: 'x'.repeat(200) }, { id: 'x' }]) {
          await put(app, door, [{ ...given, ...bad }])
        }
      }
      const recorder = randomUUID()
      await app`select audit.stage(${recorder}, ${KEY}, array[${`[{${more}, "action": "a.b"}]`}])`.catch(
        () => {},
      )
      await arena.moveAll()
      const [row] = await arena.sql`
        select count(*)::integer as entries, count(*) filter (where seq > 100
          or logged_at < now() - interval '1 hour' or written_by = 'postgres'
          or recorder_id = '0190a000-0000-7000-8000-000000000001')::integer as forged
        from audit.audit_log`
      return row?.['forged'] === 0
        ? held(`${row?.['entries']} entries with none of it`)
        : succeeded(`${row?.['forged']} forged entries`)
    },
  },
]
