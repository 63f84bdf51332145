import { sql } from 'drizzle-orm'
import type { AuditDatabase, Row } from '../../database/callers-database.ts'
import type { IdKind } from '../../entry.ts'
import { EXPORT_DEADLINE_MS, readRows } from '../../read/read-rows.ts'
import { holdsId, MIN_HELD_CHARACTERS, namesId } from './about-id.ts'

/** Letters looked through in one statement. Each one's entry may have as many characters as an entry. */
const LETTERS_AT_ONCE = 50

/** @throws {AuditError} where the login may not read dead letters */
export async function checkLetters(db: AuditDatabase): Promise<void> {
  await letterNumbers(db, Number.MAX_SAFE_INTEGER)
}

/**
 * The dead letters whose entry names the user, as NDJSON, some at a time. They are no part of the
 * log and have no `seq`, so they are no lines of the export itself.
 */
export async function* readLetters(
  db: AuditDatabase,
  about: string,
  ids: IdKind,
): AsyncGenerator<readonly string[], void, undefined> {
  const id = ids === 'uuid' ? about.toLowerCase() : about
  let after = 0
  for (;;) {
    const numbers = await letterNumbers(db, after)
    const last = numbers.at(-1)
    if (last === undefined) return
    yield (await openLetters(db, after, id)).flatMap((letter) => letterLine(letter, id, ids) ?? [])
    after = last
  }
}

async function letterNumbers(db: AuditDatabase, after: number): Promise<readonly number[]> {
  const rows = await readRows(
    db,
    sql`select n::pg_catalog.text as "number"
      from audit.letter_numbers(${after}::bigint, ${LETTERS_AT_ONCE}::integer) as n order by n`,
    EXPORT_DEADLINE_MS,
    'audit_relay',
  )
  return rows.map((row) => Number(row['number']))
}

/**
 * Opens the letters that may name the id. The server leaves out the others, so that few go over the
 * line. A text with a backslash may name it in another spelling.
 */
async function openLetters(db: AuditDatabase, after: number, id: string): Promise<readonly Row[]> {
  return await readRows(
    db,
    sql`select d.number::pg_catalog.text as "number", d.died_at, d.lane, d.sqlstate, d.reason, d.id,
        d.recorder_id::pg_catalog.text as recorder_id,
        d.recorder_seq::pg_catalog.text as recorder_seq, d.entry
      from audit.letter_numbers(${after}::bigint, ${LETTERS_AT_ONCE}::integer) as n
      cross join lateral audit.open_letter(n) as d
      where pg_catalog.strpos(pg_catalog.lower(d.entry),
          pg_catalog.lower(${id}::pg_catalog.text)) operator(pg_catalog.>) 0
        or pg_catalog.strpos(d.entry, E'\\\\') operator(pg_catalog.>) 0
      order by d.number`,
    EXPORT_DEADLINE_MS,
    'audit_relay',
  )
}

/** Undefined where it does not name the id. */
function letterLine(letter: Row, id: string, ids: IdKind): string | undefined {
  const entry = String(letter['entry'])
  const about = reasonsOf(entry, id, ids)
  if (about.length === 0) return undefined
  const text = (name: string) => JSON.stringify(letter[name] ?? null)
  return (
    `{"number":${Number(letter['number'])},"died_at":${text('died_at')},"lane":${text('lane')},` +
    `"sqlstate":${text('sqlstate')},"reason":${text('reason')},"id":${text('id')},` +
    `"recorder_id":${text('recorder_id')},"recorder_seq":${letter['recorder_seq'] ?? null},` +
    `"about":${JSON.stringify(about)},"entry":${text('entry')}}\n`
  )
}

/** The names that `audit.record` and the recorder give to the fields of an entry. */
const FIELDS: Readonly<Record<string, string>> = {
  userId: 'user_id',
  actorId: 'actor_id',
  targetId: 'target_id',
  moreTargets: 'more_targets',
}

/** The fields that name the id; `entry` where the text is no JSON, or cut off. */
function reasonsOf(entry: string, id: string, ids: IdKind): readonly string[] {
  let parsed: unknown
  try {
    parsed = JSON.parse(entry)
  } catch {
    return isInText(entry, id, ids) ? ['entry'] : []
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) {
    return holdsId(parsed, id, ids) ? ['entry'] : []
  }
  const names = Object.entries(parsed)
    .filter(([name, value]) => namesId(name, id, ids) || holdsId(value, id, ids))
    .map(([name]) => FIELDS[name] ?? name)
  return [...new Set(names)].sort()
}

/** Whether a text that cannot be parsed has the id as a whole value, or holds a long id. */
function isInText(text: string, id: string, ids: IdKind): boolean {
  if (id.length >= MIN_HELD_CHARACTERS) return namesId(text, id, ids)
  return text.includes(JSON.stringify(id)) || new RegExp(`[:,[]\\s*${escaped(id)}\\b`).test(text)
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
