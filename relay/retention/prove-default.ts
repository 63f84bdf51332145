import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/**
 * Proves that DEFAULT holds no entry of a partition that is about to come into the log, where DEFAULT is
 * so long that Postgres would read it for long under the lock of the log. Nobody waits for that here.
 *
 * @param tryAgain repeats a step while another session holds a lock
 * @param onRead called where DEFAULT is read
 */
export async function proveDefault(
  database: Database,
  partition: string,
  {
    lockTimeoutMs,
    tryAgain,
    onRead,
  }: {
    readonly lockTimeoutMs: number
    readonly tryAgain: <T>(step: () => Promise<T>) => Promise<T>
    readonly onRead: () => void
  },
): Promise<void> {
  const [row] = await tryAgain(() =>
    database.execute<{ noted: boolean }>(sql`
      select audit.note_default_range(${partition}::pg_catalog.text, ${lockTimeoutMs}::integer) as noted`),
  )
  if (row?.noted !== true) return
  onRead()
  await tryAgain(() =>
    database.execute(sql`select audit.prove_default_range()::pg_catalog.text as proved`),
  )
}
