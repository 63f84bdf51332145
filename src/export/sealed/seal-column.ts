import { type SQL, sql } from 'drizzle-orm'
import { entryRow } from '../../read/logged-entry.ts'
import { COMMITTED_FIELDS, type Opening } from '../../seal/leaf.ts'

/** What a salt becomes when its entry was erased, or when its partition was dropped. */
const NO_SALT = '00'.repeat(16)

/**
 * What opens the leaf of an entry, as a column of a batch: its salt, or where something was erased of
 * it the salts of what is left and the commitments of the rest, as JSON. Null where it has no salt.
 */
export const sealColumn: SQL = sql`coalesce(case when exists (select from audit.audit_erasure) then (
  select e.opening::pg_catalog.text from audit.audit_erasure as e
  where e.seq operator(pg_catalog.=) ${entryRow.seq}
) end, (
  select pg_catalog.encode(pg_catalog.substr(s.salts,
    (${entryRow.seq} operator(pg_catalog.%) 256::bigint)::pg_catalog.int4
      operator(pg_catalog.*) 16 operator(pg_catalog.+) 1, 16), 'hex')
  from audit.audit_salt as s
  where s.n operator(pg_catalog.=) (${entryRow.seq} operator(pg_catalog./) 256::bigint)
)) as "seal"`

/** The opening of a row that has the column. Undefined where nothing opens its leaf. */
export function openingOf(seal: unknown): Opening | undefined {
  if (typeof seal !== 'string' || seal === NO_SALT) return undefined
  if (!seal.startsWith('{')) return { salt: seal }
  const given = JSON.parse(seal) as Readonly<Record<string, unknown>>
  return Object.fromEntries(
    COMMITTED_FIELDS.filter((field) => field in given).map((field) => [field, given[field]]),
  ) as Opening
}
