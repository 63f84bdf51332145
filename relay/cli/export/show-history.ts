import { Database } from '../../../src/database/connection.ts'
import { EXPORT_DEADLINE_MS } from '../../../src/read/read-rows.ts'
import {
  type FieldDoubt,
  type FieldState,
  history,
  type HistoryOptions,
  type NamedEntry,
  type TargetHistory,
  type TargetMoment,
} from '../../../src/timeline/index.ts'
import { type Environment, readConfig } from '../../config.ts'
import { printable, say } from '../command/say.ts'

const DONE = 0
const MAX_CHARACTERS = 60
const MOST_CHANGES = 20

/** Prints the history of one thing: JSON for machines, or lines for people. */
export async function showHistory(
  environment: Environment,
  options: HistoryOptions,
  json: boolean,
): Promise<number> {
  const db = new Database({
    url: readConfig(environment, 'reader').databaseUrl,
    role: 'audit_reader',
    applicationName: 'audit-relay history',
    statementTimeoutMs: EXPORT_DEADLINE_MS,
    isReader: true,
  })
  try {
    const found = await history(db, options)
    say(json, found, json ? [] : linesOf(found))
    return DONE
  } finally {
    await db.close()
  }
}

function linesOf(found: TargetHistory): string[] {
  const { targetId, at, fields, line } = found
  const head = [`${plain(targetId)} at ${at.toISOString()}`, ...lifeOf(found)]
  const state = table(['field', 'value', 'known since'], fields.map(fieldRow))
  return [
    ...head,
    ...(state.length > 0 ? ['', ...state] : []),
    ...(line.length > 0 ? ['', 'Changes, the newest first:', ...line.flatMap(changeLines)] : []),
    ...notesOf(found),
  ]
}

function lifeOf({ life: { state, entry }, line, fields }: TargetHistory): string[] {
  if (entry !== null && state === 'there') return [`There since ${nameOf(entry)}.`]
  if (entry !== null && state === 'deleted') {
    return [`Deleted: ${nameOf(entry)}. Its fields are as they were told last.`]
  }
  if (entry !== null && state === 'not made yet')
    return [`Not made yet. That was ${nameOf(entry)}.`]
  return line.length + fields.length === 0 ? ['No entry tells of it.'] : []
}

function fieldRow(field: FieldState): string[] {
  const { path, state, value, since } = field
  const told = state === 'unknown' ? 'unknown' : shown(value)
  const unsure = unsureOf(field)
  return [
    path === '' ? '-' : plain(path),
    unsure === undefined ? told : `${told} (${unsure})`,
    since === null ? '' : nameOf(since),
  ]
}

/** What makes the value unsure. */
function unsureOf({ state, doubt, next }: FieldState): string | undefined {
  if (doubt !== undefined) return `in doubt: ${doubtOf(doubt)}`
  if (state === 'erased') return 'an entry that may have changed it was erased'
  if (state !== 'unknown' || next === undefined) return undefined
  return `before ${nameOf(next.entry)}, which found ${shown(next.value)}`
}

function doubtOf({ why, told, found }: FieldDoubt): string {
  const [before, after] = [nameOf(told.entry), nameOf(found.entry)]
  if (why === 'attempted') return `${after} tried to write ${shown(found.value)}`
  if (why === 'unreadable') return `what ${after} changed, or one before it, cannot be read`
  return `${before} left ${shown(told.value)}, ${after} found ${shown(found.value)}`
}

const KINDS: Readonly<Partial<Record<TargetMoment['kind'], string>>> = {
  ...{ begin: ' (made)', end: ' (deleted)', attempt: ' (attempted)' },
  blank: ' (what it changed is erased or cannot be read)',
}

function changeLines({ entry, kind, changes }: TargetMoment): string[] {
  const who = entry.actorId ?? entry.userId
  const by = who === null ? '' : ` by ${plain(who)}`
  const told = changes.slice(0, MOST_CHANGES).map(({ path, from, to, doubt }) => {
    const mark = doubt === undefined ? '' : ` (in doubt: ${doubtOf(doubt)})`
    return `    ${path === '' ? '-' : plain(path)}: ${shown(from)} -> ${shown(to)}${mark}`
  })
  const more = changes.length - told.length
  if (more > 0) told.push(`    and ${more} more, with --json`)
  return [
    `  ${timeOf(entry)} seq ${entry.seq} ${plain(entry.action)}${by}${KINDS[kind] ?? ''}`,
    ...told,
  ]
}

function notesOf({ looked, nextCursor, line }: TargetHistory): string[] {
  const notes = [
    ...(looked.hasMoreFields ? ['There are more fields than are shown.'] : []),
    ...(nextCursor !== null && line.length > 0
      ? ['There may be older changes: give --limit, or --at a time before the last one.']
      : []),
    ...(looked.removedBefore === null
      ? []
      : [`Entries from before ${looked.removedBefore.toISOString()} were removed by policy.`]),
  ]
  return notes.length === 0 ? [] : ['', ...notes]
}

function nameOf({ seq, recordedAt }: NamedEntry): string {
  return `seq ${seq}, ${recordedAt.toISOString()}`
}

function timeOf({ occurredAt }: TargetMoment['entry']): string {
  return occurredAt.toISOString()
}

/** A value as JSON, cut where it is long. What is not there is a dash. */
function shown(value: unknown): string {
  return value === undefined ? '-' : cut(printable(value))
}

/** A text without what controls a terminal. */
function plain(text: string): string {
  return cut(printable(text).slice(1, -1))
}

function cut(text: string): string {
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}…`
}

/** Columns with two spaces between them. The last one is not filled up. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  if (rows.length === 0) return []
  const all = [head, ...rows]
  const widths = head.map((_, n) => Math.max(...all.map((row) => row[n]?.length ?? 0)))
  return all.map((row) =>
    row
      .map((cell, n) => (n < head.length - 1 ? cell.padEnd(widths[n] ?? 0) : cell))
      .join('  ')
      .trimEnd(),
  )
}
