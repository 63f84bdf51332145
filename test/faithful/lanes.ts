import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { AuditEntry } from '../../src/index.ts'
import { createMemoryRecorder } from '../../src/testing/memory-recorder.ts'
import type { ScratchDatabase } from '../support/database.ts'
import { applicationDatabase } from '../support/drivers.ts'
import { scratchFolder } from '../support/exports.ts'
import { PATIENT_MS, relayOn } from '../support/lanes.ts'
import { connectAs } from '../support/logins.ts'
import { recorderOn } from '../support/recorders.ts'
import { waitFor } from '../support/wait-for.ts'
import type { Kept } from './compare.ts'
import type { Given } from './given.ts'

const RECORD_AND_EXIT = fileURLToPath(new URL('record-and-exit.ts', import.meta.url))
const AT_ONCE = 50

/** Sends the entries on one of the ways into the log. */
type Lane = (t: TestContext, scratch: ScratchDatabase, entries: readonly Given[]) => Promise<void>

/** The library reads its own names, so an entry as JSON is an entry. */
const asEntry = (given: Given) => given as AuditEntry

export const LANES: Readonly<Record<string, Lane>> = {
  async staging(t, scratch, entries) {
    const recorder = recorderOn(t, scratch)
    for (const given of entries) recorder.record(asEntry(given))
    await recorder.flush()
  },
  'recordIn, atomic': (t, scratch, entries) => throughOutbox(t, scratch, entries, 'atomic'),
  'recordIn, best-effort': (t, scratch, entries) =>
    throughOutbox(t, scratch, entries, 'best-effort'),
  "audit.record, the columns' names": (t, scratch, entries) =>
    throughSql(t, scratch, { calling: 'record', entries: entries.map(inColumns) }),
  "audit.record, the library's names": (t, scratch, entries) =>
    throughSql(t, scratch, { calling: 'record', entries }),
  "audit.record_in, the columns' names": (t, scratch, entries) =>
    throughSql(t, scratch, { calling: 'record_in', entries: entries.map(inColumns) }),
  "audit.record_in, the library's names": (t, scratch, entries) =>
    throughSql(t, scratch, { calling: 'record_in', entries }),
  'exit dump': throughExitDump,
  'dead letter': throughDeadLetters,
}

async function throughOutbox(
  t: TestContext,
  scratch: ScratchDatabase,
  entries: readonly Given[],
  mode: 'atomic' | 'best-effort',
) {
  const recorder = recorderOn(t, scratch)
  const app = applicationDatabase(t, 'postgres-js', scratch.urlAs('audit_app'))
  for (const some of chunks(entries)) {
    await app.transaction(async (tx) => {
      for (const given of some) await recorder.recordIn(tx, asEntry(given), { mode })
    })
  }
}

async function throughSql(
  t: TestContext,
  scratch: ScratchDatabase,
  { calling, entries }: { calling: 'record' | 'record_in'; entries: readonly object[] },
) {
  const app = connectAs(t, scratch, 'audit_app')
  for (const some of chunks(entries)) {
    await app.unsafe(`select audit.${calling}($1::text)`, [JSON.stringify(some)])
  }
}

async function throughExitDump(
  t: TestContext,
  scratch: ScratchDatabase,
  entries: readonly Given[],
) {
  const folder = scratchFolder(t)
  const [file, dumps] = [path.join(folder, 'entries.json'), path.join(folder, 'dumps')]
  fs.writeFileSync(file, JSON.stringify(entries))
  const url = scratch.urlAs('audit_app')
  const child = spawn(process.execPath, ['--import', 'tsx', RECORD_AND_EXIT, file, url, dumps], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  await once(child, 'close')
  if (fs.readdirSync(dumps).length !== 1) throw new Error('The process left no exit dump.')
  recorderOn(t, scratch, { journalDir: dumps })
  await waitFor(() => fs.readdirSync(dumps).length === 0, { what: 'the exit dump to be staged' })
}

/** A constraint of somebody else's refuses the entries at first. */
async function throughDeadLetters(
  t: TestContext,
  scratch: ScratchDatabase,
  entries: readonly Given[],
) {
  const { sql } = scratch
  const relay = relayOn(t, scratch)
  await relay.drain({ deadlineMs: PATIENT_MS })
  await sql`
    alter table audit.audit_log add constraint theirs check (context ->> 'lane' <> 'dead letter')`
  await LANES['staging']?.(t, scratch, entries)
  await relay.drain({ deadlineMs: PATIENT_MS })
  await sql`alter table audit.audit_log drop constraint theirs`
  const retried = await sql`
    select audit.retry_dead_letter(number) from audit.audit_dead_letter order by number`
  if (retried.length !== entries.length) throw new Error(`${retried.length} became dead letters.`)
}

/** The recorder for tests has no database. @returns what it keeps, in the order of the entries */
export function throughMemory(entries: readonly Given[]): readonly Kept[] {
  const recorder = createMemoryRecorder()
  for (const given of entries) recorder.record(asEntry(given))
  return recorder.entries.map(({ occurredAt, ...entry }) => {
    return { ...entry, occurredAt: occurredAt.toISOString() }
  })
}

function inColumns({ occurredAt, userId, eventId, targetId, ...given }: Given): object {
  const { requestId, entityType, actorId, actorKind, ...others } = given
  return {
    ...others,
    ...{ occurred_at: occurredAt, user_id: userId, event_id: eventId, target_id: targetId },
    ...{ request_id: requestId, entity_type: entityType },
    ...{ actor_id: actorId, actor_kind: actorKind },
  }
}

function chunks<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  return Array.from({ length: Math.ceil(items.length / AT_ONCE) }, (_, at) =>
    items.slice(at * AT_ONCE, (at + 1) * AT_ONCE),
  )
}
