import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { recorderOn } from '../support/recorders.ts'
import { testLogin } from '../support/server.ts'
import type { Arena } from './arena.ts'
import { allRefused, type Attack, held, type Outcome, succeeded, unless } from './attack.ts'
import { DOORS, leftIn, put } from './doors.ts'

const OURS = [
  ...['gap', 'drop', 'read', 'read_denied', 'erase', 'dead_letter_drop', 'restored', 'moved'],
  ...['', 'x', 'gap.gap'],
].map((verb) => `audit.${verb}`)

/** Texts that a person reads as ours. */
const LOOKALIKES = [
  ...['audit', 'AUDIT.gap', 'Audit.Gap', ' audit.gap', '\taudit.gap', '\naudit.gap', 'audit .gap'],
  ...['"audit.gap', '.audit.gap', '-audit.gap', '[audit].gap', 'audit..gap'],
  ...[
    '\u200baudit.gap',
    'audit\u200b.gap',
    'a\u200budit.gap',
    'au\u00addit.gap',
    'aud\u2060it.gap',
  ],
  ...['\ufeffaudit.gap', '\u202eaudit.gap', '\u2066audit\u2069.gap', '\u3164audit.gap'],
  ...['\uff41\uff55\uff44\uff49\uff54.gap', '\u{1d41a}\u{1d42e}\u{1d41d}\u{1d422}\u{1d42d}.gap'],
  ...['\u0430udit.gap', 'a\u03c5dit.gap', 'au\u0501it.gap', 'aud\u0456t.gap', 'aud\u0131t.gap'],
  ...['\u0430\u03c5\u0501\u0456\u0442.gap', 'AUD\u0130T.gap', '\u0391UDIT.gap'],
  ...['audit\uff0egap', 'audit\u2024gap', 'audit\uff61gap', 'audit\u3002gap'],
  ...['\u24d0\u24e4\u24d3\u24d8\u24e3.gap', 'audi\u0442.gap', '\u00e1udit.gap', 'a\u0301udit.gap'],
]

async function names(arena: Arena, door: (typeof DOORS)[number], given: readonly string[]) {
  const app = arena.as('audit_app')
  const problems: string[] = []
  const codes = new Set<string>()
  for (const action of given) {
    const code = await put(app, door, [{ action }])
    if (code !== undefined) codes.add(code)
  }
  const retried = arena.as('audit_relay')
  const letters = await arena.sql`select number::text from audit.audit_dead_letter`
  for (const { number } of letters) {
    const [row] = await retried`select audit.retry_dead_letter(${number}) as outcome`
    if (row?.['outcome'] === 'retried') problems.push(`letter ${number} was retried`)
    else codes.add(String(row?.['outcome']))
  }
  await arena.moveAll()
  const rows = await arena.sql`select action from audit.audit_log`
  problems.push(...rows.map(({ action }) => `logged: ${JSON.stringify(action)}`))
  return unless(problems, `refused ${[...codes].sort().join(', ')}, also when retried`)
}

async function byLibrary(arena: Arena): Promise<Outcome> {
  const warnings: string[] = []
  const logger = {
    ...{ debug() {}, info() {}, error() {} },
    warn: (_: object, message: string) => warnings.push(message),
  }
  const audit = recorderOn(arena.t, arena, { logger })
  const problems: string[] = []
  const client = postgres(arena.urlAs('audit_app'), { max: 1 })
  const given = [...OURS, ...LOOKALIKES] as `${string}.${string}`[]
  for (const action of given) {
    if (audit.record({ action })) problems.push(`record took ${JSON.stringify(action)}`)
    for (const mode of ['atomic', 'best-effort'] as const) {
      const code = await drizzle(client)
        .transaction((tx) => audit.recordIn(tx, { action }, { mode }))
        .then(String, (error: unknown) => String(Reflect.get(Object(error), 'code')))
      if (code !== 'AUDIT_ACTION_RESERVED')
        problems.push(`recordIn ${code} ${JSON.stringify(action)}`)
    }
  }
  await client.end()
  await audit.close()
  const { reserved: dropped = 0 } = audit.stats().dropped
  await arena.moveAll()
  const rows = await arena.sql`select action, ours from (
    select action, written_by = ${testLogin('audit_app').name} as ours from audit.audit_log) as l
    where action <> 'audit.drop'`
  problems.push(...rows.map(({ action }) => `logged: ${action}`))
  if (dropped !== given.length) problems.push(`${dropped} of ${given.length} dropped`)
  return unless(problems, `false and AUDIT_ACTION_RESERVED, ${dropped} counted as dropped`)
}

export const reserved: readonly Attack[] = [
  ...DOORS.flatMap((door): Attack[] => [
    {
      name: `${OURS.length} names of ours, by audit.${door}`,
      by: 'audit_app',
      play: (arena) => names(arena, door, OURS),
    },
    {
      name: `${LOOKALIKES.length} names that look like ours, by audit.${door}`,
      by: 'audit_app',
      play: (arena) => names(arena, door, LOOKALIKES),
    },
  ]),
  { name: 'all of them, by record() and recordIn()', by: 'audit_app', play: byLibrary },
  {
    name: 'a real entry whose dead letter says that it is ours',
    by: 'audit_app',
    async play(arena) {
      const app = arena.as('audit_app')
      const claims = '"ours": true, "origin": "move", "written_by": "postgres", "lane": "staging"'
      await put(app, 'record', [{ action: 'audit.gap', more: claims }])
      await app`select audit.record(${`{"action":"audit.gap",${claims}`}::text)`
      await arena.sql`update audit.audit_dead_letter set entry = ${`{"id":"01900000-0000-7000-8000-000000000000","occurred_at":"2026-01-01","action":"audit.gap",${claims}}`}`
      const relay = arena.as('audit_relay')
      const codes = new Set<string>()
      for (const number of [1, 2]) {
        const [row] = await relay`select audit.retry_dead_letter(${number}) as outcome`
        codes.add(String(row?.['outcome']))
      }
      const { waiting } = await leftIn(arena)
      return waiting === 0 ? held(`refused ${[...codes].join(', ')}`) : succeeded('it was retried')
    },
  },
  ...(
    ['nobody', 'audit_app', 'audit_reader', 'audit_relay', 'audit_keeper', 'audit_eraser'] as const
  ).map(
    (by): Attack => ({
      name: 'the functions that make entries of ours, and those behind them',
      by,
      play: (arena) =>
        allRefused(arena.as(by), [
          `select audit.put_ours('audit.gap', null, '{}', '{}')`,
          `select audit.begin_history('mine')`,
          `select audit.declare_restored()`,
          `select audit.put_entries('[]', false, false)`,
          `select audit.place_entries('outbox', '[]', null, null, null, false, false)`,
          `select audit.bury('outbox', 'move', '23514', 'x', null, null, null, '{}')`,
          ...(by === 'audit_relay'
            ? []
            : ['select audit.declare_gap()', 'select audit.drop_dead_letter(1)']),
          ...(by === 'nobody' ||
          by === 'audit_app' ||
          by === 'audit_keeper' ||
          by === 'audit_eraser'
            ? [`select audit.note_read(false, 'grace', '{}', '{}')`]
            : []),
        ]),
    }),
  ),
  {
    name: 'a read by somebody who never read, under another login',
    by: 'audit_reader',
    async play(arena) {
      const reader = arena.as('audit_reader')
      await reader`select audit.note_read(false, 'grace', '{"ours":false}', '{"written_by":"postgres"}')`
      await arena.moveAll()
      const [row] = await arena.sql`select action, written_by from audit.audit_log`
      const { name } = testLogin('audit_reader')
      return row?.['written_by'] === name && row['action'] === 'audit.read'
        ? held(`logged as written by ${name}`)
        : succeeded(`logged as written by ${row?.['written_by']}`)
    },
  },
]
