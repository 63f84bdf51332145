import type { Encoder } from '../encode/encoder.ts'
import type { IdField, OddEntry } from '../encode/odd-ids.ts'
import { type ReadRow, readRow, rowsIn } from '../encode/slice.ts'
import { isUuid } from '../ids/uuid.ts'
import type { AuditLogger } from '../logger.ts'

const FIELDS: Readonly<Record<IdField, (row: ReadRow) => unknown>> = {
  userId: (row) => row.user_id,
  eventId: (row) => row.event_id,
  targetId: (row) => row.target_id,
  actorId: ({ rare }) => Reflect.get(Object(rare), 'actor_id'),
  moreTargets: ({ rare }) => Reflect.get(Object(rare), 'more_targets'),
}

/**
 * Counts the entries whose ids a database with uuid columns could not hold, and says once what cures
 * it. It never logs an id, which may be personal.
 */
export class MisfitIds {
  readonly #encoder: Encoder
  readonly #logger: AuditLogger
  #isSaid = false

  constructor(encoder: Encoder, logger: AuditLogger) {
    this.#encoder = encoder
    this.#logger = logger
  }

  /** @param slices JSON arrays of rows, each with an id that is no UUID */
  staged(slices: readonly string[]): void {
    const rows = slices.flatMap((json) => rowsIn({ json })).map(readRow)
    const [first] = rows
    if (first === undefined) return
    // The encoder has counted those that it marked itself.
    this.#encoder.countDegraded(rows.filter((row) => !isMarked(row.context)).length)
    const fields = Object.keys(FIELDS) as IdField[]
    this.#say(fields.find((field) => isOdd(FIELDS[field](first))))
  }

  written(entries: readonly OddEntry[]): void {
    this.#encoder.countDegraded(entries.filter(({ isDegraded }) => !isDegraded).length)
    this.#say(entries[0]?.field)
  }

  #say(field: IdField | undefined): void {
    if (this.#isSaid || field === undefined) return
    this.#isSaid = true
    this.#logger.warn(
      { field },
      `${field} is no UUID, and the id columns of this database hold only UUIDs: such an id is stored ` +
        'in context.invalid, where no filter finds it. For ids of any kind run ' +
        '"audit-relay migrate --ids text". This is said once',
    )
  }
}

function isOdd(given: unknown): boolean {
  if (Array.isArray(given)) return given.some(isOdd)
  return typeof given === 'string' && !isUuid(given)
}

function isMarked(context: unknown): boolean {
  return Array.isArray(Reflect.get(Object(context), 'degraded'))
}
