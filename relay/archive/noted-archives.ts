import { sql } from 'drizzle-orm'
import type { Database } from '../../src/database/connection.ts'

/** What the database noted of an archived file. */
export interface NotedArchive {
  readonly partition: string
  readonly format: string
  readonly url: string
  readonly rows: number
  readonly digest: string
  readonly sha256: string
  readonly bytes: number
  /** Where the salts of its entries lie. Null: the log had no seal. */
  readonly saltsUrl: string | null
}

/** The archived files that the database has noted, of one partition or of all. */
export async function readNoted(
  database: Database,
  partition?: string,
): Promise<readonly NotedArchive[]> {
  return await database.execute<NotedArchive>(
    sql`select a.partition as "partition", a.format as "format", a.url as "url",
        a.rows::double precision as "rows", a.digest as "digest", a.sha256 as "sha256",
        a.bytes::double precision as "bytes", a.salts_url as "saltsUrl"
      from audit.list_archives(${partition ?? null}::pg_catalog.text) as a`,
  )
}
