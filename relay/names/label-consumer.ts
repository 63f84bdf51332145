import { sql } from 'drizzle-orm'
import type { FollowConsumer } from '../follow/consumer.ts'
import type { FollowStatements } from '../follow/follow-statements.ts'
import type { FollowedEntry } from '../follow/followed-entry.ts'

export const LABEL_CONSUMER = 'names'
const MOST_SEQS = 4_096
/** Names of one look whose last entry a policy removed. Each is looked for in the log. */
const MOST_TIDIED = 100

/**
 * Collects the names that entries give to their users and actors. The function that writes them reads
 * them from the log once more, so a relay cannot make up a name.
 */
export function labelConsumer(statements: FollowStatements): FollowConsumer {
  /** Of the log when no name was left to be tidied. */
  let tidyChanges: number | undefined
  return {
    name: LABEL_CONSUMER,
    leastSeqs: 1,
    mostSeqs: MOST_SEQS,
    begin() {
      let [first, last] = [Number.POSITIVE_INFINITY, 0]
      return {
        add(entries) {
          for (const entry of entries) {
            if (!mayName(entry)) continue
            first = Math.min(first, entry.seq)
            last = Math.max(last, entry.seq)
          }
        },
        write: () =>
          last === 0 ? sql`0` : sql`audit.take_labels(${first}::bigint, ${last}::bigint)`,
      }
    },
    drop: (fromSeq) => sql`audit.rewind_labels(${fromSeq}::bigint)`,
    async tend({ changes }) {
      if (changes === tidyChanges) return false
      const [row] = await statements.execute<{ looked: number }>(
        sql`/* audit-relay names tidy */ select audit.tidy_labels(${MOST_TIDIED}::integer) as looked`,
      )
      const isTidy = (row?.looked ?? 0) < MOST_TIDIED
      if (isTidy) tidyChanges = changes
      return !isTidy
    },
  }
}

/** Whether the entry may give a name. What it gives is read by the database. */
function mayName({ context, userId, actorId }: FollowedEntry): boolean {
  return (
    (userId !== null && Object.hasOwn(context, 'user')) ||
    (actorId !== null && Object.hasOwn(context, 'actor'))
  )
}
