import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'
import { optionInvalid } from '../../src/errors.ts'

/** One action of a partition, and what its policy says. */
export interface PlannedAction {
  readonly action: string
  readonly rows: number
  /** The pattern of the policy that it has; null where it has none. */
  readonly policy: string | null
  /** As Postgres prints an interval; null: kept forever. */
  readonly keep: string | null
  /** The same in days; null: kept forever. */
  readonly keepDays: number | null
  /** Rows whose policy is over. */
  readonly due: number
  /** Those of them that a hold keeps. */
  readonly held: number
}

/** A reader with a name that has not read all that would go. */
export interface LaggingCursor {
  readonly name: string
  readonly seq: number
  readonly seenAt: string
  /** Whether retention waits for it: it was seen in the last 30 days, and nobody said to ignore it. */
  readonly waits: boolean
}

/** What would happen to one partition that is wholly past the shortest policy. */
export interface PlannedPartition {
  readonly partition: string
  /** The month or other time that it holds, as ISO 8601. Null for DEFAULT. */
  readonly from: string | null
  readonly to: string | null
  readonly rows: number
  readonly bytes: number
  readonly due: number
  readonly held: number
  /** What would be removed. */
  readonly goes: number
  readonly actions: readonly PlannedAction[]
  readonly cursors: readonly LaggingCursor[]
}

/** What was taken out of the log and waits for its drop. */
export interface WaitingDrop {
  readonly partition: string
  readonly removed: number
  readonly bytes: number
  readonly swappedAt: string
  readonly dropAt: string
  readonly isDue: boolean
  /** Entries in it that a hold keeps which was placed since. While there is one, it stays. */
  readonly heldSince: number
}

export interface RetentionPlan {
  /** What is staged with an id of before is not logged any more. Null: nothing was ever removed. */
  readonly lineAt: string | null
  /** When the next partition falls due, and which one; null without a policy. */
  readonly next: { readonly at: string; readonly partition: string } | null
  readonly partitions: readonly PlannedPartition[]
  readonly waiting: readonly WaitingDrop[]
}

/**
 * What retention would do now. It changes nothing.
 *
 * @param ignored names of readers that are not waited for
 * @param onStep called with what is looked at next, for people
 */
export async function planRetention(
  database: Database,
  ignored: readonly string[] = [],
  onStep: (text: string) => void = () => {},
): Promise<RetentionPlan> {
  const partitions: PlannedPartition[] = []
  const candidates = await database.execute<{ name: string }>(
    sql`select c as name from audit.retention_candidates() as c`,
  )
  for (const [at, { name }] of candidates.entries()) {
    onStep(`${name}: looking at what is due, partition ${at + 1} of ${candidates.length}`)
    partitions.push(...(await planOne(database, name, ignored)))
  }
  const [state] = await database.execute<{
    lineAt: string | null
    nextAt: string | null
    partition: string | null
  }>(sql`
    select ${instant('s.line_at')} as "lineAt", ${instant('s.next_at')} as "nextAt",
      s.next_partition as partition
    from audit.retention_state() as s`)
  const { lineAt = null, nextAt = null, partition = null } = state ?? {}
  return {
    lineAt,
    next: nextAt === null || partition === null ? null : { at: nextAt, partition },
    partitions,
    waiting: await listWaiting(database),
  }
}

/**
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where no reader has one of the names: then retention would
 * wait for the one that was meant
 */
export async function refuseUnknownReaders(
  database: Database,
  ignored: readonly string[],
): Promise<void> {
  if (ignored.length === 0) return
  const rows = await database.execute<{ name: string }>(
    sql`select c as name from audit.cursor_names() as c`,
  )
  const known = rows.map(({ name }) => name)
  const unknown = ignored.find((name) => !known.includes(name))
  if (unknown === undefined) return
  const others = known.length === 0 ? 'No reader has a name.' : `Readers: ${known.join(', ')}.`
  throw optionInvalid(`--ignore-cursor: no reader has the name "${unknown}". ${others}`)
}

/** A statement for each, so that no statement locks all partitions. */
function planOne(database: Database, name: string, ignored: readonly string[]) {
  return database.execute<PlannedPartition>(sql`
    select p.partition, ${instant('p.from_at')} as "from", ${instant('p.to_at')} as "to",
      p.rows::double precision as rows, p.bytes::double precision as bytes,
      p.due::double precision as due, p.held::double precision as held,
      p.goes::double precision as goes, p.actions, p.cursors
    from audit.plan_retention(${name}::pg_catalog.text, ${textArray(ignored)}) as p`)
}

export function listWaiting(database: Database): Promise<readonly WaitingDrop[]> {
  return database.execute<WaitingDrop>(sql`
    select w.partition, w.removed::double precision as removed, w.bytes::double precision as bytes,
      ${instant('w.swapped_at')} as "swappedAt", ${instant('w.drop_at')} as "dropAt",
      w.is_due as "isDue", w.held_since::double precision as "heldSince"
    from audit.retention_waits() as w`)
}

/** A list as the driver sends it without asking for its type: as JSON. */
export function textArray(values: readonly string[]) {
  return sql`array(select pg_catalog.json_array_elements_text(${JSON.stringify(values)}::pg_catalog.json))`
}

function instant(column: string) {
  const format = 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'
  return sql.raw(`pg_catalog.to_char(${column} at time zone 'UTC', '${format}')`)
}
