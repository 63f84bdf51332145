import { createCapture } from '../../../src/capture/capture.ts'
import { createEncoder } from '../../../src/encode/encoder.ts'
import { oddFieldOf } from '../../../src/encode/odd-ids.ts'
import { ROW_COLUMNS } from '../../../src/encode/row.ts'
import { type IdKind, isReservedAction, MAX_TEXT_CHARACTERS } from '../../../src/entry.ts'
import { compileRedactor } from '../../../src/redact/redactor.ts'
import { type ImportId, importIds } from './import-id.ts'
import { type EntrySources, isObject, type Mapping, type SourceSteps } from './mapping.ts'
import { readOldTime, type TimeRules } from './old-time.ts'
import { compileObject, compileSource, type OldRow, type Reader, textOf } from './sources.ts'
import { wallClock } from './zone.ts'

/** An old row as a row for the lane. */
export interface MappedRow {
  readonly id: string
  readonly ms: number
  /** A JSON array, as `ROW_COLUMNS` has it, and where few entries have more an object of that. */
  readonly json: string
  /** Whether one of its ids is no UUID. */
  readonly isOdd: boolean
}

/** Why a row cannot be an entry. */
export interface Refusal {
  readonly reason: string
}

export interface RowMapperOptions {
  readonly name: string
  readonly mapping: Mapping
  readonly ids: IdKind
  /** The smallest id that the log takes. */
  readonly oldest: string
  readonly recorderId: string
  readonly maxEntryBytes: number
  /** When the import began, as ISO 8601. */
  readonly at: string
}

type Field = Exclude<keyof EntrySources, 'occurredAt' | 'metadata' | 'context'>

const FIELDS: readonly Field[] = [
  ...(['action', 'userId', 'eventId', 'entityType', 'targetId', 'moreTargets'] as const),
  ...(['requestId', 'outcome', 'actorId', 'actorKind'] as const),
]
/** Fields that are text in an entry, whatever they were in the old log. */
const TEXTS: ReadonlySet<Field> = new Set(['action', 'entityType', 'requestId'])
const DAY_MS = 86_400_000
export const BELOW_THE_LINE = 'it is below the retention line: a policy has removed what is as old'

/**
 * Makes entries of old rows: by the mapping, and then by the recorder's own code, so that an entry of
 * an import is copied, censored, cut and marked as any other.
 */
export class RowMapper {
  readonly #options: RowMapperOptions
  readonly #capture: ReturnType<typeof createCapture>
  readonly #encoder: ReturnType<typeof createEncoder>
  readonly #importId: ImportId
  readonly #time: Reader
  readonly #timeRules: TimeRules
  readonly #fields: readonly (readonly [Field, Reader])[]
  readonly #metadata: Reader
  readonly #context: Reader
  #nextId = ''

  constructor(options: RowMapperOptions) {
    const { name, mapping, ids, recorderId, maxEntryBytes } = options
    const { entry, redact, timeZone } = mapping
    this.#options = options
    const redactor = compileRedactor(redact)
    this.#capture = createCapture({ maxEntryBytes, redactor })
    const nextId = () => this.#nextId
    this.#encoder = createEncoder({ recorderId, maxEntryBytes, redactor, nextId })
    this.#importId = importIds(name)
    this.#time = compileSource(entry.occurredAt, ids)
    this.#timeRules = {
      unit: typeof entry.occurredAt === 'string' ? undefined : unitOf(entry.occurredAt),
      clock: timeZone === undefined ? undefined : wallClock(timeZone),
    }
    this.#fields = FIELDS.flatMap((field) => {
      const source = entry[field]
      return source === undefined ? [] : [[field, compileSource(source, ids)] as const]
    })
    this.#metadata =
      entry.metadata === undefined ? () => undefined : compileObject(entry.metadata, ids)
    this.#context =
      entry.context === undefined ? () => undefined : compileObject(entry.context, ids)
  }

  /** @param number of the row in the old log; it is the entry's `recorder_seq` */
  map(row: OldRow, key: string, number: number): MappedRow | Refusal {
    if (key === '') return { reason: 'it has no key' }
    if (key.length > MAX_TEXT_CHARACTERS) return { reason: 'its key is longer than 256 characters' }
    const time = readOldTime(this.#time(row), this.#timeRules)
    if (typeof time === 'string') return { reason: time }
    if (time.ms >= Date.now() + DAY_MS) {
      return { reason: 'its time is more than a day ahead of the clock of this machine' }
    }
    const id = this.#importId(key, time.ms)
    if (id < this.#options.oldest) return { reason: BELOW_THE_LINE }
    const entry: Record<string, unknown> = {
      metadata: this.#metadata(row),
      context: withoutClaim(this.#context(row)),
    }
    for (const [field, read] of this.#fields) {
      const value = read(row)
      entry[field] = TEXTS.has(field) && value != null ? textOf(value) : value
    }
    const captured = this.#capture.captureEntry(entry, undefined, time.ms)
    if (captured === undefined) return { reason: 'it has no action' }
    if (isReservedAction(captured.action)) {
      return { reason: 'its action is of the entity "audit", which is the log\'s own' }
    }
    this.#nextId = id
    const isOdd = oddFieldOf(captured) !== undefined
    const json = this.#encoder.jsonOf(this.#encoder.rowOf(captured, number, isOdd), captured)
    const { outcome, actor, moreTargets } = captured.extras ?? {}
    const hasRare = outcome !== undefined || actor !== undefined || moreTargets !== undefined
    const { name, at } = this.#options
    const odd = time.odd === undefined ? {} : { time: time.odd }
    return {
      id,
      ms: time.ms,
      json: withClaim(withTime(json, id, time.text), hasRare, { name, key, at, ...odd }),
      isOdd,
    }
  }
}

function unitOf({ unit }: SourceSteps): SourceSteps['unit'] {
  return unit
}

/** The row with all digits of its time. The recorder knows milliseconds. */
function withTime(json: string, id: string, time: string): string {
  const begin = `["${id}","`
  return time.length === ISO_CHARACTERS
    ? json
    : `${begin}${time}${json.slice(begin.length + ISO_CHARACTERS)}`
}

const ISO_CHARACTERS = '2026-01-02T03:04:05.678Z'.length

/**
 * The row with a note of where it comes from, written behind the recorder's code: what is too long is
 * cut elsewhere, and a key is not taken for a secret because it is called one.
 */
function withClaim(
  json: string,
  hasRare: boolean,
  claim: Readonly<Record<string, string>>,
): string {
  const imported = `"imported":${JSON.stringify(claim)}`
  // A row ends with its context, as far as nothing follows that few entries have.
  if (!hasRare) return `${json.slice(0, -2)}${json.endsWith('{}]') ? '' : ','}${imported}}]`
  const values: unknown[] = JSON.parse(json)
  const context = { ...(values[CONTEXT] as object), imported: claim }
  return JSON.stringify(values.with(CONTEXT, context))
}

const CONTEXT = ROW_COLUMNS.indexOf('context')

/** The old log's own value of that name is kept under another one. */
function withoutClaim(context: unknown): unknown {
  if (!isObject(context) || context['imported'] === undefined) return context
  const { imported, ...others } = context
  return { ...others, 'imported (given)': imported }
}
