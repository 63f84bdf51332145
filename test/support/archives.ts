import fs from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { Archiver, type ArchiverOptions } from '../../relay/archive/archiver.ts'
import { FileStore } from '../../relay/archive/stores/file-store.ts'
import { BAD_ROWS } from './bad-rows.ts'
import type { ScratchDatabase } from './database.ts'
import { appendToLog, idAt } from './log-entries.ts'
import { scratchFolder } from './exports.ts'

/** A month that is long over. */
export const OCTOBER = 'audit_log_2025_10'
const OCTOBER_MS = Date.UTC(2025, 9, 1)
const NOVEMBER_MS = Date.UTC(2025, 10, 1)

/** Makes the partition of October 2025, as a relay of that time would have. */
export async function makeOctober({ sql }: ScratchDatabase): Promise<void> {
  await sql.unsafe(`
    create table audit.${OCTOBER} partition of audit.audit_log for values
      from ('${idFloor(OCTOBER_MS)}') to ('${idFloor(NOVEMBER_MS)}');
    alter table audit.${OCTOBER} owner to audit_owner;
    select audit.guard_log_table('audit.${OCTOBER}')`)
}

function idFloor(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0')
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`
}

/** Entries of October, an hour apart, of users that repeat. */
export async function fillOctober({ sql }: ScratchDatabase, count: number): Promise<void> {
  await appendToLog(
    sql,
    Array.from({ length: count }, (_, n) => ({
      ms: OCTOBER_MS + (n % 740) * 3_600_000,
      action: n % 5 === 0 ? 'guest.check_in' : 'branding.update',
      userId: `00000000-0000-4000-8000-${String(n % 7).padStart(12, '0')}`,
      requestId: n % 3 === 0 ? null : `request ${n}`,
      metadata: { n, note: `Nº ${n} \u2028 "quoted" \\ 😀` },
    })),
  )
}

/** Entries that hold the worst that a column can hold. @returns how many */
export async function fillNasty({ sql }: ScratchDatabase): Promise<number> {
  const [head] = await sql`select seq from audit.audit_head`
  let seq = Number(head?.['seq'])
  for (const { columns, becomes } of BAD_ROWS) {
    const values = Object.values(columns)
    if (becomes !== 'logged' || 'id' in columns || values.includes('null')) continue
    seq += 1
    const given: Record<string, string> = {
      ...{ id: `'${idAt(OCTOBER_MS + seq)}'`, seq: String(seq), action: `'bad.one'` },
      ...{ occurred_at: `'2025-10-03 04:05:06.789'`, logged_at: `'2025-10-03 04:05:07.1'` },
      ...columns,
    }
    await sql.unsafe(
      `insert into audit.audit_log (${Object.keys(given)}) values (${Object.values(given)})`,
    )
  }
  seq += 1
  await sql.unsafe(String.raw`
    insert into audit.audit_log (id, seq, occurred_at, action, entity_type, user_id, actor_id,
      more_targets, outcome, actor_kind, metadata, context)
    values ('${idAt(OCTOBER_MS + seq)}', ${seq}, '2025-10-09', E'\x7f"\\\n', '😀',
      gen_random_uuid(), gen_random_uuid(), array[gen_random_uuid(), null], 'denied', 'agent',
      '{"a": 1.0, "b": 1e-7, "z": 100000000000000000000000, "A": -0.0, "": ""}',
      E'{"\\u007f": "\\u0001\\"", "k": "</script>\\u2028\\ud83d\\ude00"}')`)
  await sql`update audit.audit_head set seq = ${seq}::bigint`
  return seq - Number(head?.['seq'])
}

/** An archiver into a folder of its own. Both are gone after the test. */
export function archiverOf(
  t: TestContext,
  { urlAs }: ScratchDatabase,
  more: Partial<ArchiverOptions> = {},
) {
  const folder = scratchFolder(t)
  const archiver = new Archiver({
    databaseUrl: urlAs('audit_keeper'),
    format: 'ndjson',
    store: new FileStore(new URL(`file://${folder}`)),
    ...more,
  })
  t.after(() => archiver.close())
  return { archiver, folder }
}

/** The files below a folder, by their paths in it. */
export function filesBelow(folder: string): readonly string[] {
  return fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => fs.statSync(path.join(folder, name)).isFile())
    .sort()
}
