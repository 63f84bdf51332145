import type { TestContext } from 'node:test'
import type postgres from 'postgres'
import { runRelay } from './audit-relay.ts'
import { type ScratchDatabase, scratchDatabase } from './database.ts'
import { relayOn } from './lanes.ts'

/** What no place may hold once it is erased. */
export const SECRET = 'ada@example.test'
/** Longer than a busy machine takes. */
export const DRAINED = { deadlineMs: 60_000 }
export const ALL_FIELDS = [
  ...['user_id', 'actor_id', 'target_id', 'more_targets', 'request_id', 'metadata', 'context'],
]

export interface Given {
  readonly id?: string
  readonly action?: string
  readonly user?: string
  readonly actor?: string
  readonly target?: string
  readonly more?: readonly string[]
  readonly metadata?: object
  readonly context?: object
}

/** A log with these entries, with the numbers 1, 2, 3. */
export async function filledLog(t: TestContext, entries: readonly Given[]) {
  const scratch = await scratchDatabase(t)
  const relay = relayOn(t, scratch)
  const ids: string[] = []
  const add = async (given: Given) => {
    const [row] = await scratch.sql`select audit.new_id() as id`
    const id = given.id ?? String(row?.['id'])
    ids.push(id)
    await scratch.sql`select audit.record(${entryText({ ...given, id })})`
    await relay.drain(DRAINED)
  }
  for (const entry of entries) await add(entry)
  return { scratch, relay, ids, add }
}

/** An entry as `audit.record` takes it. */
export function entryText(given: Given): string {
  const { id, action = 'guest.check_in', user, actor, target, more } = given
  const { metadata = { mail: SECRET }, context = { ip: '192.0.2.1' } } = given
  return JSON.stringify({
    ...{ id, action, user_id: user, actor_id: actor, target_id: target, more_targets: more },
    ...{ request_id: `r-${SECRET}`, metadata, context },
  })
}

/** Erases as a login of the role that `sql` has. @returns number and erased fields of each entry */
export async function erase(
  sql: postgres.Sql,
  seqs: readonly number[],
  fields: readonly string[] = ALL_FIELDS,
): Promise<(readonly [number, readonly string[]])[]> {
  const rows = await sql<{ seq: number; erased: readonly string[] }[]>`
    select e.seq::integer as seq, e.erased
    from audit.erase(${[...seqs]}, ${[...fields]}, 'request 7') as e`
  return rows.map(({ seq, erased }) => [seq, erased] as const)
}

/** What the log holds of an entry, without its id and its times. */
export async function entryOf({ sql }: Pick<ScratchDatabase, 'sql'>, seq: number) {
  const [row] = await sql`
    select to_jsonb(l) - '{logged_at,occurred_at,id,recorder_id,recorder_seq}'::text[] as entry
    from audit.audit_log as l where seq = ${seq}`
  return row?.['entry']
}

/** The command as an operator runs it. */
export function auditErase(
  t: TestContext,
  { urlAs }: ScratchDatabase,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  return runRelay(t, ['erase', ...args], {
    AUDIT_ERASER_DATABASE_URL: urlAs('audit_eraser'),
    ...environment,
  })
}
