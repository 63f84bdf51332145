import { type SQL, sql } from 'drizzle-orm'
import { CatalogCheck } from '../actions/catalog-check.ts'
import { refuseNoCatalog } from '../actions/define-actions.ts'
import { createCapture } from '../capture/capture.ts'
import { askCaller, type QueryHandle } from '../database/callers-database.ts'
import type { ActionMap, AnyActions, IdKind } from '../entry.ts'
import { optionInvalid, safeError } from '../errors.ts'
import { LANES } from '../lanes/lane.ts'
import { statementsOn } from '../lanes/recorder-statements.ts'
import { guardLogger } from '../logger.ts'
import { RECORDER_LIMITS, refuseUnknownOptions, resolveLimits } from '../options.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import { type TimelineOptions, type TimelinePage, timeline } from '../read/timeline.ts'
import { BoundRecorder } from '../recorder/bound-recorder.ts'
import type { RecorderOptions } from '../recorder/create-recorder.ts'
import { Intake } from '../recorder/intake.ts'
import { Pipeline } from '../recorder/pipeline.ts'
import type { Recorder } from '../recorder/recorder.ts'
import { compileRedactor } from '../redact/redactor.ts'
import { migrationSql } from '../schema/printed/print-sql.ts'
import type { RecordedLater } from './recorded.ts'

/** What is used of a `PGlite` of `@electric-sql/pglite`. */
export interface PgliteClient extends QueryHandle {
  exec(text: string): Promise<unknown>
}

export interface PgliteLogOptions<Actions extends ActionMap = AnyActions>
  extends Pick<
    RecorderOptions<Actions>,
    'actions' | 'redact' | 'context' | 'logger' | 'maxEntryBytes'
  > {
  /** What user, event and target ids are, where the schema is made. @default 'uuid' */
  readonly ids?: IdKind | undefined
}

/** The whole product on a Postgres in this process, for tests. */
export interface PgliteLog<Actions extends ActionMap = AnyActions> extends RecordedLater {
  /** Writes to the database. Its `recordIn` takes the transactions of any data layer on the client. */
  readonly recorder: Recorder<Actions>
  /**
   * Moves what was recorded and committed into the log, as a relay does, and returns the log since
   * the last `clear()`, oldest first.
   *
   * @throws {Error} where the log refused an entry
   */
  entries(): Promise<readonly LoggedEntry[]>
  /** The same for one page of the timeline, which `clear()` does not shorten. */
  timeline(options?: TimelineOptions): Promise<TimelinePage>
  /** From here on, `entries()` leaves out what is in the log now. */
  clear(): Promise<void>
  /** Closes the recorder. The client stays open. */
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const PAGE = 500
const BATCH = 1_000
const LOCK_TIMEOUT_MS = 5_000
const OPTION_NAMES = ['actions', 'redact', 'context', 'logger', 'maxEntryBytes', 'ids']

/**
 * Makes the schema `audit` in a PGlite, unless it is there, and a recorder and a timeline over it.
 * A transaction that is rolled back takes its entries along, because it is a real one.
 *
 * @example
 * ```ts
 * const client = new PGlite()
 * const log = await createPgliteLog(client)
 * await checkIn({ db: drizzle(client), audit: log.recorder }, guestId)
 * await assertRecorded(log, 'guest.check_in', { targetId: guestId })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, `AUDIT_DATABASE_FAILED`
 */
export async function createPgliteLog<Actions extends ActionMap = AnyActions>(
  client: PgliteClient,
  options: PgliteLogOptions<Actions> = {},
): Promise<PgliteLog<Actions>> {
  refuseUnknownOptions(options, OPTION_NAMES)
  refuseNoCatalog(options.actions)
  if (typeof client?.query !== 'function' || typeof client.exec !== 'function') {
    throw optionInvalid('createPgliteLog needs a PGlite of @electric-sql/pglite.')
  }
  const database = new PgliteConnection(client)
  await makeSchema(client, options.ids)
  const recorder = recorderOn<Actions>(database, options)
  let firstSeq = 1
  const readAll = async () => {
    const entries: LoggedEntry[] = []
    let cursor: string | null | undefined
    do {
      const page: TimelinePage = await timeline(client, {
        ...{ order: 'oldest', limit: PAGE, cursor: cursor ?? undefined },
      })
      entries.push(...page.entries)
      cursor = page.nextCursor
    } while (cursor !== null)
    return entries
  }
  const move = async () => {
    await recorder.flush()
    await moveAll(database)
  }
  const close = async () => void (await recorder.close())
  return {
    recorder,
    async entries() {
      await move()
      return (await readAll()).filter(({ seq }) => seq >= firstSeq)
    },
    async timeline(asked) {
      await move()
      return await timeline(client, asked)
    },
    async clear() {
      await move()
      firstSeq = Math.max(firstSeq, ...(await readAll()).map(({ seq }) => seq + 1))
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/** Statements of ours on the client, which runs one after the other. */
class PgliteConnection {
  readonly #client: QueryHandle

  constructor(client: QueryHandle) {
    this.#client = client
  }

  /** @throws {AuditError} `AUDIT_DATABASE_FAILED` */
  async execute<Row extends object>(query: SQL): Promise<readonly Row[]> {
    try {
      return (await askCaller(this.#client, query)) as readonly Row[]
    } catch (error) {
      throw safeError(error)
    }
  }
}

async function makeSchema(client: PgliteClient, ids: IdKind | undefined): Promise<void> {
  try {
    const { rows } = await client.query(
      "select to_regclass('audit.audit_log') is not null as is_there",
      [],
    )
    const isThere = Reflect.get(Object(rows[0]), 'is_there') === true
    // A PGlite has one login. The migrations set a search path for their transaction alone.
    if (!isThere) await client.exec(migrationSql({ roles: 'off', ids }))
  } catch (error) {
    throw safeError(error)
  }
}

function recorderOn<Actions extends ActionMap>(
  database: PgliteConnection,
  options: PgliteLogOptions<Actions>,
): Recorder<Actions> {
  const { actions, redact, context, maxEntryBytes } = options
  const limits = resolveLimits<keyof typeof RECORDER_LIMITS>(RECORDER_LIMITS, { maxEntryBytes })
  const logger = guardLogger(options.logger, 'audit-outbox')
  const check = actions && new CatalogCheck(actions, logger)
  const redactor = compileRedactor(redact)
  const capture = createCapture({ maxEntryBytes: limits.maxEntryBytes, redactor, check })
  const pipeline = new Pipeline({
    open: (identity) => statementsOn(database, identity),
    ...{ limits, logger, capture },
  })
  return new BoundRecorder<Actions>(new Intake(pipeline, context))
}

/** @throws {Error} where the log refused an entry */
async function moveAll(database: PgliteConnection): Promise<void> {
  let parked = 0
  for (const lane of LANES) {
    for (let claimed = 1; claimed > 0; ) {
      const [moved] = await database.execute<{ claimed: number; parked: number }>(sql`
        select m.claimed::integer as claimed, m.parked::integer as parked
        from audit.move(
          ${lane}::pg_catalog.text, ${BATCH}::integer, ${LOCK_TIMEOUT_MS}::integer,
          null::pg_catalog.text, null::pg_catalog.text, null::bigint, null::bigint
        ) as m`)
      claimed = moved?.claimed ?? 0
      parked += moved?.parked ?? 0
    }
  }
  if (parked === 0) return
  throw new Error(`The log refused ${parked} entries. audit.audit_dead_letter says why.`)
}
