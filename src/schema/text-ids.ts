import { setTimeout as sleep } from 'node:timers/promises'
import type { IdKind } from '../entry.ts'
import { AuditError, databaseFault, optionInvalid } from '../errors.ts'
import { type DirectConnection, type DirectTransaction, pinned } from './direct-connection.ts'
import { FORGET_BUILDS, LANES_TO_TEXT, LOG_TO_TEXT, NOTE_TEXT, toText } from './text-id-step.ts'

/** What a rewrite of the log is about to do. */
export interface RewritePlan {
  /** How many entries the log holds; estimated by the server's statistics. */
  readonly entries: number
  /** The log with its indexes, in bytes. */
  readonly bytes: number
  /** How long it may take, in seconds: where the server does nothing else, and where it is busy. */
  readonly seconds: { readonly least: number; readonly most: number }
  /** Free disk space that it needs until it has ended, in bytes, without the WAL. */
  readonly neededBytes: number
}

export interface RewriteProgress {
  readonly writtenBytes: number
  /** An estimate, as in the plan. */
  readonly neededBytes: number
}

export interface TextIdOptions {
  /**
   * Asked before a log that holds entries is rewritten. Default: such a log is refused. Where it
   * returns false, nothing is changed.
   */
  readonly rewrite?: ((plan: RewritePlan) => boolean | Promise<boolean>) | undefined
  /** Called about once a second while the log is rewritten. */
  readonly onProgress?: ((progress: RewriteProgress) => void) | undefined
}

/**
 * Bytes of the log with its indexes that are rewritten in a second: for each second of CPU, and on a
 * server that is busy with something else. Measured in test/bench/results/text-ids.md.
 */
export const REWRITTEN_BYTES_A_SECOND = { most: 40e6, least: 10e6 }
/** More than was measured: with text ids of 30 characters the log was 1.14 times as large. */
const GROWTH = 1.3

const LOCK_TRIES = 20
const LOCK_TIMEOUT_MS = 500
const PROGRESS_EVERY_MS = 1_000
/** Lanes with more rows would be locked for a second or more. */
const FEW_ROWS = 50_000
const DRAIN_WAIT_MS = 30_000
const LOCK_HELD = '55P03'

/** The kinds of ids of the log and of the lanes; undefined in a database without them. */
export interface FoundIds {
  readonly log: IdKind | undefined
  readonly lanes: IdKind | undefined
}

export function findIds(client: DirectConnection): Promise<FoundIds> {
  return pinned(client, async (tx) => {
    const rows = await tx`
      select c.relname::text as name, format_type(a.atttypid, null) as type
      from pg_attribute as a join pg_class as c on c.oid = a.attrelid
      join pg_namespace as n on n.oid = c.relnamespace
      where n.nspname = 'audit' and c.relname in ('audit_log', 'audit_outbox')
        and a.attname = 'user_id'`
    const kindOf = (name: string): IdKind | undefined => {
      const type = rows.find((row) => row['name'] === name)?.['type']
      return type === undefined ? undefined : type === 'text' ? 'text' : 'uuid'
    }
    return { log: kindOf('audit_log'), lanes: kindOf('audit_outbox') }
  })
}

/**
 * Looks whether the asked kind of ids can be had, and asks the caller about a rewrite, before
 * anything is changed.
 *
 * @returns whether the log may be rewritten although it holds entries
 * @throws {AuditError} `AUDIT_SCHEMA_MISMATCH` where it cannot be had
 */
export async function agreeOnIds(
  client: DirectConnection,
  asked: IdKind,
  { rewrite }: TextIdOptions,
): Promise<RewritePlan | undefined> {
  const { log, lanes } = await findIds(client)
  if (asked === 'uuid') {
    if (log === 'text' || lanes === 'text') {
      throw new AuditError(
        'AUDIT_SCHEMA_MISMATCH',
        'This database has text ids, and they cannot be made UUIDs again: any of them may be ' +
          'something else. Leave out --ids, or use another database. Nothing was changed.',
      )
    }
    return undefined
  }
  if (log !== 'uuid') return undefined
  const plan = await pinned(client, planOf)
  if (plan === undefined) return undefined
  if (rewrite === undefined) {
    throw new AuditError(
      'AUDIT_SCHEMA_MISMATCH',
      `The log holds entries (about ${plan.entries}) whose ids are UUIDs. To make its columns text, ` +
        'all of them have to be rewritten: run "audit-relay migrate --ids text --rewrite", which ' +
        'first says how long that will take. Nothing was changed.',
    )
  }
  if (!(await rewrite(plan))) {
    throw new AuditError('AUDIT_SCHEMA_MISMATCH', 'The log was not rewritten. Nothing was changed.')
  }
  return plan
}

/**
 * Tables that may come back into the log, by an undo of retention or from an archive. They are like the
 * log, but no part of it.
 */
const TABLES_ASIDE = `
  select quote_ident(c.relname) as name, c.oid
  from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
  where n.nspname = 'audit' and c.relkind = 'r' and not c.relispartition and (
    c.relname ~ '^restored_'
    or exists (select from audit.audit_swap as s where s.state = 'swapped' and s.detached = c.relname)
  )
  order by c.oid`

/** Undefined where there is nothing to rewrite. */
async function planOf(tx: DirectTransaction): Promise<RewritePlan | undefined> {
  const [row] = await tx.unsafe(`
    select exists (select from audit.audit_log)
        or exists (select from audit.audit_swap as s where s.state = 'swapped') as "isUsed",
      greatest(1, sum(greatest(0, c.reltuples)), (select seq from audit.audit_head))::double precision
        as entries,
      sum(pg_total_relation_size(c.oid))::double precision as bytes
    from (
      select part.relid as oid from pg_partition_tree('audit.audit_log'::regclass) as part
      where part.isleaf
      union
      select a.oid from (${TABLES_ASIDE}) as a
    ) as leaf join pg_class as c on c.oid = leaf.oid`)
  if (row?.['isUsed'] !== true) return undefined
  const bytes = Number(row['bytes'])
  const { least, most } = REWRITTEN_BYTES_A_SECOND
  return {
    entries: Number(row['entries']),
    bytes,
    seconds: { least: Math.ceil(bytes / most), most: Math.ceil(bytes / least) },
    neededBytes: Math.ceil(bytes * GROWTH),
  }
}

/**
 * Makes the ids text: first those of the log, then those of the lanes, in a transaction each. Between
 * the two everything works: the lanes take UUIDs, and a move writes them as text. While the log is
 * rewritten, entries wait in the lanes, and readers wait.
 *
 * @returns whether anything was changed
 */
export async function makeIdsText(
  client: DirectConnection,
  watch: DirectConnection,
  plan: RewritePlan | undefined,
  { onProgress }: TextIdOptions,
): Promise<boolean> {
  const { log, lanes } = await findIds(client)
  if (log === 'uuid') {
    const stop = plan && onProgress ? await watchProgress(watch, plan, onProgress) : () => {}
    try {
      await withLock(client, async (tx) => {
        // A run of retention that is under way has a table beside the log that would not fit any more.
        await tx`select audit.begin_retention()::text`
        await tx`lock table audit.audit_log in access exclusive mode`
        if (plan === undefined && (await planOf(tx)) !== undefined) {
          throw optionInvalid(
            'The log has got its first entries meanwhile: run the command again with --rewrite.',
          )
        }
        await tx.unsafe(LOG_TO_TEXT)
        for (const { name } of await tx.unsafe(TABLES_ASIDE)) await tx.unsafe(toText(String(name)))
        await tx.unsafe(FORGET_BUILDS)
      })
    } finally {
      stop()
    }
    // The planner has forgotten what it knew about these columns.
    await client.unsafe('analyze audit.audit_log')
  }
  if (lanes === 'uuid') {
    await waitForFewRows(client)
    await withLock(client, async (tx) => {
      for (const statement of [...LANES_TO_TEXT, NOTE_TEXT]) await tx.unsafe(statement)
    })
  }
  return log === 'uuid' || lanes === 'uuid'
}

/** Asks for locks several times for a short while, because everybody else waits behind it. */
async function withLock(
  client: DirectConnection,
  work: (tx: DirectTransaction) => Promise<unknown>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await pinned(client, async (tx) => {
        await tx.unsafe(
          `set local lock_timeout = ${LOCK_TIMEOUT_MS}; set local statement_timeout = 0`,
        )
        await work(tx)
      })
      return
    } catch (error) {
      if (databaseFault(error).code !== LOCK_HELD || attempt === LOCK_TRIES) throw error
      await sleep(LOCK_TIMEOUT_MS * (0.5 + Math.random()))
    }
  }
}

/** Gives a relay the time to move what has gathered in the lanes. Where none runs, it goes on. */
async function waitForFewRows(client: DirectConnection): Promise<void> {
  const endMs = performance.now() + DRAIN_WAIT_MS
  while (performance.now() < endMs) {
    const [row] = await client`
      select (
        select pg_catalog.count(*) from (
          (select from audit.audit_staging limit ${FEW_ROWS}::integer)
          union all
          (select from audit.audit_outbox limit ${FEW_ROWS}::integer)
        ) as waiting
      )::integer as rows`
    if (Number(row?.['rows']) < FEW_ROWS) return
    await sleep(LOCK_TIMEOUT_MS)
  }
}

/** By the size of the database's files, because nothing else of a rewrite is seen from outside. */
async function watchProgress(
  client: DirectConnection,
  { neededBytes }: RewritePlan,
  onProgress: (progress: RewriteProgress) => void,
): Promise<() => void> {
  const size = async () => {
    const [row] = await client`
      select pg_catalog.pg_database_size(pg_catalog.current_database())::double precision as bytes`
    return Number(row?.['bytes'])
  }
  const before = await size()
  let isAsking = false
  const timer = setInterval(() => {
    if (isAsking) return
    isAsking = true
    size()
      .then((now) => onProgress({ writtenBytes: Math.max(0, now - before), neededBytes }))
      .catch(() => {}) // the rewrite goes on, and the next look may succeed
      .finally(() => {
        isAsking = false
      })
  }, PROGRESS_EVERY_MS)
  return () => clearInterval(timer)
}
