import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../database/callers-database.ts'
import type { Projection } from '../projection/projection.ts'
import { logBegin } from '../removed/log-begin.ts'
import { removedIn } from '../removed/removed-seqs.ts'
import { readRows } from '../read/read-rows.ts'
import { entry } from '../read/timeline.ts'
import { auditErasure } from '../schema/tables.ts'
import type { FieldDoubt, Loss, LossBetween, NamedEntry } from './fold-fields.ts'

/** Contradictions that are looked into, the newest first. */
const MOST_ASKED = 20
/** Erased entries between two others that are looked at. */
const MOST_ERASED = 16
/** Erasures between two entries of which they are taken. */
const MOST_ERASURES = 1_000

/**
 * Looks for entries that could stand between two that contradict each other, and that a reader of this
 * target does not find: erased together with their target, or removed by a policy. An erased entry
 * counts where it is of the same event and of the same entity.
 */
export async function lossesBetween(
  db: AuditDatabase,
  doubts: readonly FieldDoubt[],
  seenBy: Projection | undefined,
): Promise<{ readonly size: number; readonly between: LossBetween }> {
  const losses = new Map<string, Loss>()
  const pairs = new Map(
    doubts
      .filter(({ why }) => why === 'past the log')
      .map(({ told, found }) => [
        keyOf(told.entry, found.entry),
        [told.entry, found.entry] as const,
      ]),
  )
  let hasRemoved: boolean | undefined
  for (const [key, [told, found]] of [...pairs].slice(0, MOST_ASKED)) {
    if (await isErasedBetween(db, [told, found], seenBy)) {
      losses.set(key, 'erased')
      continue
    }
    hasRemoved ??= (await logBegin((query) => readRows(db, query))) !== undefined
    if (hasRemoved && (await isRemovedBetween(db, told, found))) losses.set(key, 'removed')
  }
  const between: LossBetween = (told, found) => losses.get(keyOf(told, found))
  return { size: losses.size, between }
}

function keyOf(told: NamedEntry, found: NamedEntry): string {
  return `${told.id} ${found.id}`
}

async function isErasedBetween(
  db: AuditDatabase,
  [told, found]: readonly [NamedEntry, NamedEntry],
  seenBy: Projection | undefined,
): Promise<boolean> {
  const rows = await readRows(
    db,
    sql`select erased.id::pg_catalog.text as "id" from (
      select ${auditErasure.id}, ${auditErasure.fields} from ${auditErasure}
      where ${auditErasure.id} operator(pg_catalog.>) ${told.id}::pg_catalog.uuid
        and ${auditErasure.id} operator(pg_catalog.<) ${found.id}::pg_catalog.uuid
      order by ${auditErasure.id} desc limit ${sql.raw(String(MOST_ERASURES))}
    ) as erased
    where erased.fields operator(pg_catalog.&&) '{target_id,more_targets}'::pg_catalog.text[]
    limit ${sql.raw(String(MOST_ERASED))}`,
  )
  for (const { id } of rows) {
    const erased = await entry(db, String(id), { seenBy })
    if (erased?.eventId === found.eventId && entityOf(erased) === entityOf(found)) return true
  }
  return false
}

function entityOf({ action }: { readonly action: string }): string | undefined {
  return action.split('.')[0]
}

async function isRemovedBetween(
  db: AuditDatabase,
  told: NamedEntry,
  found: NamedEntry,
): Promise<boolean> {
  const [first, last] = [told.seq + 1, found.seq - 1]
  if (first > last) return false
  const { count } = await removedIn((query) => readRows(db, query), [first, last], 1)
  return count > 0
}
