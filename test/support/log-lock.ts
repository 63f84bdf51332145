import type postgres from 'postgres'

/**
 * Watches the lock of the log until the returned function is called.
 *
 * @param sql a connection that nothing else uses meanwhile
 * @returns the longest time for which nobody could read the log, in milliseconds
 */
export function watchLogLock(sql: postgres.Sql): () => Promise<number> {
  let longestMs = 0
  let sinceMs: number | undefined
  let isOver = false
  const watching = (async () => {
    while (!isOver) {
      const [row] = await sql`
        select extract(epoch from clock_timestamp())::float8 * 1000 as ms, exists (
          select from pg_locks where locktype = 'relation' and granted
            and mode = 'AccessExclusiveLock' and relation = 'audit.audit_log'::regclass
        ) as is_held`
      const ms = Number(row?.['ms'])
      if (row?.['is_held'] !== true) sinceMs = undefined
      else {
        sinceMs ??= ms
        longestMs = Math.max(longestMs, ms - sinceMs)
      }
    }
  })()
  return async () => {
    isOver = true
    await watching
    return longestMs
  }
}
