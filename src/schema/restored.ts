import { lacksRight, refusalHint } from '../database/refusal.ts'
import { tlsHint } from '../database/tls.ts'
import { optionInvalid, safeError } from '../errors.ts'
import { databaseUrlFor } from '../options.ts'
import { connectDirectly, pinned, reach } from './direct-connection.ts'

/** What was erased of an entry after the copy was made, as `audit-relay erase` keeps it. */
export interface KnownErasure {
  readonly id: string
  /** Columns of the entry. */
  readonly fields: readonly string[]
}

/** What came of a restore that was declared. */
export interface Restored {
  /** The new history. */
  readonly history: string
  /** What became of the erasures that were given. */
  readonly erasures?: ErasedAgain
}

export interface ErasedAgain {
  /** Entries of the log of which something was erased again. */
  readonly erased: number
  /** Entries that wait in a lane, and were emptied there. */
  readonly staged: number
  /** Numbers of entries that a legal hold of this copy keeps as they are. */
  readonly held: readonly number[]
  /** Entries that this copy does not have. */
  readonly absent: number
}

/**
 * Declares that a database was restored from an earlier copy. It begins a new history of the log
 * and declares a gap in the fast lane. In the same transaction it erases again what was erased since
 * the copy was made.
 *
 * @param databaseUrl the URL of a login that may act as `audit_owner`. Default:
 * `AUDIT_OWNER_DATABASE_URL`, else `DATABASE_URL`
 * @param erasures what is known outside of the database. Default: nothing
 * @throws {AuditError} `AUDIT_OPTION_INVALID` without a URL, `AUDIT_DATABASE_FAILED` otherwise
 */
export async function declareRestored(
  databaseUrl?: string,
  erasures: readonly KnownErasure[] = [],
): Promise<Restored> {
  const url = databaseUrlFor('owner', databaseUrl, process.env)
  if (url === undefined) {
    throw optionInvalid('No database: set AUDIT_OWNER_DATABASE_URL or DATABASE_URL.')
  }
  const client = connectDirectly(url, 'audit-relay restored')
  try {
    await reach(client)
    return await pinned(client, async (tx) => {
      const [row] = await tx`select audit.declare_restored()::pg_catalog.text as history`
      const history = String(row?.['history'])
      if (erasures.length === 0) return { history }
      const [again] = await tx`
        select pg_catalog.row_to_json(e)::pg_catalog.text as said
        from audit.erase_again(${JSON.stringify(erasures)}::pg_catalog.text::pg_catalog.json,
          ${'erased before the restore'}::pg_catalog.text) as e`
      return { history, erasures: JSON.parse(String(again?.['said'])) as ErasedAgain }
    })
  } catch (error) {
    const hint = lacksRight(error)
      ? await refusalHint('audit_owner', async (text) => (await client.unsafe(text))[0])
      : await tlsHint(url, error)
    throw safeError(error, hint)
  } finally {
    await client.end({ timeout: 5 })
  }
}
