import type { Comparison, EntryCheck } from '../capture/entry-check.ts'
import { errorName } from '../errors.ts'
import type { AuditLogger } from '../logger.ts'
import type { ActionDefinition, AnyCatalog } from './define-actions.ts'
import { pathsOf } from './issue-paths.ts'
import type { StandardSchema } from './standard-schema.ts'

/** A schema that takes longer is named in a warning, because `record()` waits for it. */
const SLOW_CHECK_MS = 10

/** What a schema says about metadata. */
type Finding = 'fits' | 'unchecked' | { readonly paths: string | undefined }

const UNKNOWN: Comparison = { marks: ['action.unknown'], paths: undefined, entityType: undefined }

/**
 * Compares entries with a catalogue. What does not fit is stored as it was given, and marked:
 *
 * - `action.unknown`: the catalogue does not have the action.
 * - `action.withoutTransaction`: `record` was given an action of the lane `outbox`.
 * - `entityType.unexpected`: the entry's own differs from the catalogue's.
 * - `metadata.invalid`: the schema refused it, or there is none. `context.invalid` holds the paths.
 * - `metadata.unchecked`: the schema threw, or it is asynchronous.
 *
 * A schema is called with the caller's own object, during the call of `record`. Its output is not
 * used. A schema that returned a promise is not called again, because nothing can wait for it.
 */
export class CatalogCheck implements EntryCheck {
  readonly #actions = new Map<string, KnownAction>()
  readonly #logger: AuditLogger

  constructor(catalog: AnyCatalog, logger: AuditLogger) {
    this.#logger = logger
    for (const [action, definition] of catalog.definitions) {
      this.#actions.set(action, new KnownAction(definition))
    }
  }

  compare(
    action: string,
    entityType: string | undefined,
    metadata: unknown,
    isInTransaction: boolean,
  ): Comparison {
    const known = this.#actions.get(action)
    if (known === undefined) return UNKNOWN
    const { lane, entityType: expected } = known.definition
    const finding = this.#check(action, known, metadata)
    const isAlone = lane === 'outbox' && !isInTransaction
    const isOther = expected !== undefined && entityType !== undefined && entityType !== expected
    if (finding === 'fits' && !isAlone && !isOther) return known.fits
    const marks: string[] = []
    if (isAlone) marks.push('action.withoutTransaction')
    if (isOther) marks.push('entityType.unexpected')
    if (finding === 'unchecked') marks.push('metadata.unchecked')
    const paths = typeof finding === 'object' ? finding.paths : undefined
    if (typeof finding === 'object') marks.push('metadata.invalid')
    return { marks, paths, entityType: expected }
  }

  #check(action: string, known: KnownAction, metadata: unknown): Finding {
    const { metadata: schema } = known.definition
    if (schema === undefined) return metadata == null ? 'fits' : { paths: undefined }
    if (known.isAsync) return 'unchecked'
    const beganMs = performance.now()
    try {
      const result = schema['~standard'].validate(metadata ?? {})
      if (isPromise(result)) {
        known.isAsync = true
        result.then(undefined, () => {})
        this.#warn(known, action, 'is asynchronous, so that metadata is not checked')
        return 'unchecked'
      }
      return findingOf(result)
    } catch (error) {
      this.#warn(known, action, `threw (${errorName(error)}), so that metadata was not checked`)
      return 'unchecked'
    } finally {
      const tookMs = performance.now() - beganMs
      if (tookMs > SLOW_CHECK_MS) {
        this.#warn(known, action, `took ${Math.round(tookMs)} ms, for which record() waited`)
      }
    }
  }

  /** Once for each action, and after the call of `record`, which does no I/O. */
  #warn(known: KnownAction, action: string, what: string): void {
    if (known.isWarned) return
    known.isWarned = true
    setImmediate(() => this.#logger.warn({ action }, `the schema of ${action} ${what}`))
  }
}

class KnownAction {
  readonly definition: ActionDefinition<StandardSchema>
  /** The comparison of nearly every entry. */
  readonly fits: Comparison
  isAsync = false
  isWarned = false

  constructor(definition: ActionDefinition<StandardSchema>) {
    this.definition = definition
    this.fits = { marks: [], paths: undefined, entityType: definition.entityType }
  }
}

function isPromise(result: unknown): result is PromiseLike<unknown> {
  return typeof Reflect.get(Object(result), 'then') === 'function'
}

function findingOf(result: unknown): Finding {
  if (typeof result !== 'object' || result === null) return 'unchecked'
  const issues: unknown = Reflect.get(result, 'issues')
  return issues ? { paths: pathsOf(issues) } : 'fits'
}
