import { type SQL, sql } from 'drizzle-orm'
import type { AuditDatabase } from '../database/callers-database.ts'
import { readRows } from '../read/read-rows.ts'
import type { NameSource, NameViewer } from './name-source.ts'

/** One more than the page takes, so that it sees that there are too many. */
const MOST_FOUND = 21
const DEADLINE_MS = 1_000

/**
 * The names that users and actors had in the log, once `audit-relay names on` collects them: of people
 * whose account is gone, too. A viewer of one event finds the names that entries of this event give. One of
 * whom a part of the entries is hidden that may hold a name finds none.
 *
 * ```ts
 * const page = createTimelinePage({ db, authorize, ...namesFromLabels(db) })
 * ```
 *
 * @param db whose login was granted `audit_reader`
 */
export function namesFromLabels(db: AuditDatabase): NameSource {
  return {
    async names(ids, viewer) {
      if (ids.length === 0 || viewer.hidesNames) return new Map()
      const rows = await readRows(
        db,
        sql`select distinct on (k.subject) k.subject as "id", k.name as "name"
          from audit.audit_label as k
          where k.subject operator(pg_catalog.=) any(array(
              select pg_catalog.json_array_elements_text(
                ${JSON.stringify(ids)}::pg_catalog.text::pg_catalog.json)))
            and ${ofEvent(viewer)}
          order by k.subject, k.last_seq desc, k.name`,
        DEADLINE_MS,
      )
      return new Map(rows.map(({ id, name }) => [String(id), String(name)]))
    },
    async find(text, viewer) {
      if (viewer.hidesNames) return []
      const rows = await readRows(
        db,
        sql`select k.subject as "id"
          from audit.audit_label as k
          where pg_catalog.strpos(k.words, ${words(text)}) operator(pg_catalog.>) 0
            and ${ofEvent(viewer)}
          group by k.subject order by pg_catalog.max(k.last_seq) desc limit ${MOST_FOUND}::integer`,
        DEADLINE_MS,
      )
      return rows.map(({ id }) => String(id))
    },
  }
}

function ofEvent({ onlyEventId }: NameViewer): SQL {
  return onlyEventId === undefined
    ? sql`true`
    : sql`k.event operator(pg_catalog.=) ${onlyEventId}::pg_catalog.text`
}

/** What stands in `words` where the text begins a word: "love" and "ada l" find Ada Lovelace. */
function words(text: string): SQL {
  // As a query of its own it is made once, and not for each name.
  return sql`(select pg_catalog.lower(pg_catalog.translate(
    pg_catalog.concat(' ', ${text}::pg_catalog.text), '-._@', '    ')))`
}
