import { auditLog } from 'audit-outbox/schema'
import { and, desc, eq, gte, isNull, type SQL, sql } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { hostName } from './people.ts'
import { cut, type Paint } from './terminal.ts'
import { inWords } from './words.ts'

const WIDTHS = { seq: 7, time: 10, action: 21, who: 9, what: 30, request: 11 } as const
const OUTBOX_MARK = '*'

export type TimelineRow = typeof auditLog.$inferSelect

/** An event's 20 newest entries, the oldest of them first. */
export async function readTimeline(
  db: NodePgDatabase,
  eventId: string,
): Promise<readonly TimelineRow[]> {
  const rows = await db
    .select()
    .from(auditLog)
    .where(eq(auditLog.eventId, eventId))
    .orderBy(desc(auditLog.id))
    .limit(20)
  return rows.reverse()
}

export interface ExamplesOf {
  readonly eventId: string
  readonly recorderId: string
  readonly since: Date
}

/** Examples from a run: the last entry of each action, and three entries of another system. */
export async function readExamples(
  db: NodePgDatabase,
  { eventId, recorderId, since }: ExamplesOf,
): Promise<readonly TimelineRow[]> {
  const isRecent = gte(auditLog.id, sql`audit.id_floor(${since.toISOString()}::timestamptz)`)
  const newestOfEach = (where: SQL | undefined, limit: number) => {
    const last = db
      .selectDistinctOn([auditLog.action])
      .from(auditLog)
      .where(and(isRecent, where))
      .orderBy(auditLog.action, desc(auditLog.id))
      .as('last')
    return db.select().from(last).orderBy(desc(last.seq)).limit(limit)
  }
  const ours = await newestOfEach(eq(auditLog.eventId, eventId), 12)
  const isImported = and(
    eq(auditLog.recorderId, recorderId),
    isNull(auditLog.eventId),
    // There are many, so only those with metadata and a short action.
    sql`${auditLog.metadata} <> '{}' and char_length(${auditLog.action}) <= ${WIDTHS.action}`,
  )
  const theirs = await newestOfEach(isImported, 3)
  return [...ours, ...theirs].sort((one, other) => one.seq - other.seq)
}

/** The rows as a table that fits the terminal. */
export function timelineTable(rows: readonly TimelineRow[], paint: Paint): string {
  const { bold, dim, cyan, yellow } = paint
  const head = line({
    seq: dim('seq'.padStart(WIDTHS.seq)),
    time: dim(pad('time', 'time (UTC)')),
    action: dim(pad('action', 'action')),
    who: dim(pad('who', 'who')),
    what: dim(pad('what', 'what')),
    request: dim('request'),
  })
  const lines = rows.map((row) => {
    const action = isFromOutbox(row) ? `${row.action} ${OUTBOX_MARK}` : row.action
    return line({
      seq: String(row.seq).padStart(WIDTHS.seq),
      time: dim(pad('time', timeOf(row.occurredAt))),
      action: cyan(pad('action', action)),
      who: bold(pad('who', whoOf(row))),
      what: pad('what', inWords(row.metadata)).replace(/\[Redacted\]/g, yellow('[Redacted]')),
      request: dim(cut(row.requestId ?? '', WIDTHS.request)),
    })
  })
  const legend = rows.some(isFromOutbox)
    ? [dim(`  ${OUTBOX_MARK} written in the business transaction itself, through the outbox`)]
    : []
  return [head, ...lines, ...legend].join('\n')
}

/** Entries of `record()` have a recorder's id. Entries from the outbox have none. */
function isFromOutbox({ recorderId }: TimelineRow): boolean {
  return recorderId === null
}

function line(cells: Readonly<Record<keyof typeof WIDTHS, string>>): string {
  return `  ${Object.values(cells).join('  ')}`.trimEnd()
}

function pad(column: keyof typeof WIDTHS, text: string): string {
  return cut(text.replaceAll(/\s+/g, ' '), WIDTHS[column]).padEnd(WIDTHS[column])
}

/**
 * The time of a recent entry, or the date of an older one. Replayed entries keep their own time.
 */
function timeOf(at: Date): string {
  const isRecent = Date.now() - at.getTime() < 12 * 3_600_000
  return isRecent ? at.toISOString().slice(11, 19) : at.toISOString().slice(0, 10)
}

/** The host's name, or the last part of another system's user id. */
function whoOf({ userId, context }: TimelineRow): string {
  if (userId !== null) return hostName(userId) ?? userId
  const given: unknown = Reflect.get(Object(context['invalid']), 'userId')
  return typeof given === 'string' ? (given.split('/').at(-1) ?? given) : '-'
}
