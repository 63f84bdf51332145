import {
  type ActionMap,
  type AnyActions,
  type AuditAction,
  isActionName,
  isReservedAction,
  MAX_ACTION_CHARACTERS,
  MAX_TEXT_CHARACTERS,
  type OutboxOnly,
} from '../entry.ts'
import { optionInvalid } from '../errors.ts'
import { nearest } from '../options.ts'
import type { LoggedEntry } from '../read/logged-entry.ts'
import { type InputOf, isSchema, type StandardSchema } from './standard-schema.ts'
import { isLanguage, type Language, LANGUAGES } from './language.ts'
import type { Stored } from './stored.ts'

/** `fast`: `record` and `recordIn` take the action. `outbox`: `recordIn` alone does. */
export type ActionLane = 'fast' | 'outbox'

/** An entry of the log, with metadata as the schema describes it. */
export interface DescribedEntry<Metadata = LoggedEntry['metadata']>
  extends Omit<LoggedEntry, 'metadata'> {
  readonly metadata: Metadata
}

/** A sentence about an entry, in the language of the page. */
export type Describe<Schema> = (
  entry: DescribedEntry<MetadataIn<Schema>>,
  language: Language,
) => string

/** What a catalogue says about one action. */
export interface ActionDefinition<Schema = StandardSchema, Lane = ActionLane> {
  /** The kind of thing that it is done to: the entry's `entityType` where the entry gives none. */
  readonly entityType?: string | undefined
  /**
   * The schema of its metadata. It must be synchronous. Default: entries of this action have none.
   */
  readonly metadata?: Schema | undefined
  /** @default 'fast' */
  readonly lane?: Lane | undefined
  /**
   * Returns the sentence that the timeline page shows for an entry. Ids of the entry in it become
   * links with names. Where the text does not hold the user's id, the page puts the user in front.
   * It must be quick. Where it throws or returns no text, the page shows its own sentence.
   * Or one function for each language, as `{ en: (entry) => …, de: (entry) => … }`. A language that is
   * left out has the first one's sentence.
   */
  readonly describe?:
    | Describe<Schema>
    | Readonly<Partial<Record<Language, Describe<Schema>>>>
    | undefined
}

/** Metadata as `describe` gets it. */
export type MetadataIn<Schema> = Schema extends StandardSchema
  ? Stored<InputOf<Schema>>
  : LoggedEntry['metadata']

/** The actions of a catalogue, as a recorder knows them. */
export type CataloguedActions<Schemas, Lanes> = {
  readonly [Action in keyof Schemas]: Lanes[Action & keyof Lanes] extends 'outbox'
    ? OutboxOnly<InputOf<Schemas[Action]>>
    : InputOf<Schemas[Action]>
}

/** A catalogue of any application's actions. */
export interface AnyCatalog {
  /** By action, in the order in which they were given. */
  readonly definitions: ReadonlyMap<string, ActionDefinition>
}

/** An application's actions. Made by `defineActions`. */
export interface ActionCatalog<Actions extends ActionMap = AnyActions> extends AnyCatalog {
  /** For the compiler alone. It does not exist. */
  readonly '~actions'?: Actions
}

/**
 * The actions of a catalogue as an `ActionMap`:
 * `interface AppActions extends ActionsOf<typeof actions> {}`
 */
export type ActionsOf<Catalog> = Catalog extends ActionCatalog<infer Actions> ? Actions : never

const kCatalog = Symbol.for('audit-outbox.actions')
const DEFINITION_KEYS = ['entityType', 'metadata', 'lane', 'describe']
const LANES: readonly unknown[] = ['fast', 'outbox', undefined]

/**
 * Makes a catalogue of an application's actions. `createRecorder({ actions })` is typed by it, the
 * timeline page shows its sentences, and `audit-relay actions` prints it for auditors.
 *
 * @example
 * ```ts
 * export const actions = defineActions({
 *   'branding.update': {
 *     entityType: 'event',
 *     metadata: z.object({ color: z.string() }),
 *     describe: (entry) => `The colour was changed to ${entry.metadata.color}`,
 *   },
 *   'refund.issue': { metadata: z.object({ cents: z.number() }), lane: 'outbox' },
 * })
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, naming each wrong definition
 */
export function defineActions<Schemas, Lanes>(
  definitions: {
    readonly [Action in keyof Schemas]: ActionDefinition<Schemas[Action]>
  } & { readonly [Action in keyof Lanes]: { readonly lane?: Lanes[Action] | undefined } } & {
    readonly [Action in Exclude<keyof Schemas, AuditAction>]: never
  } & {
    readonly [Action in Extract<keyof Schemas, AuditAction>]: {
      readonly metadata?: StandardSchema | undefined
    }
  },
): ActionCatalog<CataloguedActions<Schemas, Lanes>> {
  const given = Object.entries((definitions ?? {}) as Readonly<Record<string, ActionDefinition>>)
  const problems = given.flatMap(([action, definition]) => problemsOf(action, definition))
  if (given.length === 0) problems.push('defineActions needs an object with at least one action.')
  if (problems.length > 0) throw optionInvalid(problems.join('\n'))
  const copies = given.map(([action, definition]) => [action, Object.freeze({ ...definition })])
  const catalog = { definitions: new Map(copies as [string, ActionDefinition][]) }
  Object.defineProperty(catalog, kCatalog, { value: true })
  return Object.freeze(catalog)
}

/** Also true for a catalogue that another copy of this package made. */
export function isCatalog(value: unknown): value is AnyCatalog {
  return Reflect.get(Object(value), kCatalog) === true
}

/** @throws {AuditError} `AUDIT_OPTION_INVALID` */
export function refuseNoCatalog(actions: unknown): void {
  if (actions === undefined || isCatalog(actions)) return
  throw optionInvalid('actions must be what defineActions() returned.')
}

function problemsOf(action: string, definition: unknown): readonly string[] {
  const problems: string[] = []
  if (!isActionName(action) || action.length > MAX_ACTION_CHARACTERS) {
    problems.push(`must be named entity.verb, in up to ${MAX_ACTION_CHARACTERS} characters.`)
  } else if (isReservedAction(action)) {
    problems.push('has the entity "audit", which is the product\'s own. Use another entity.')
  }
  if (typeof definition !== 'object' || definition === null) {
    problems.push(`must be an object, got ${definition === null ? 'null' : typeof definition}.`)
  } else {
    problems.push(...problemsIn(definition))
  }
  return problems.map((problem) => `Action "${action}" ${problem}`)
}

function problemsIn(definition: ActionDefinition): readonly string[] {
  const { entityType, metadata, lane, describe } = definition
  const problems = Object.keys(definition)
    .filter((key) => !DEFINITION_KEYS.includes(key))
    .map((key) => `has an unknown "${key}". Did you mean "${nearest(key, DEFINITION_KEYS)}"?`)
  const isType =
    typeof entityType === 'string' && entityType !== '' && entityType.length <= MAX_TEXT_CHARACTERS
  if (entityType !== undefined && !isType) {
    problems.push(`needs an entityType of 1 to ${MAX_TEXT_CHARACTERS} characters.`)
  }
  if (metadata !== undefined && !isSchema(metadata)) {
    problems.push('needs a metadata schema of a library with Standard Schema, such as Zod.')
  }
  if (!LANES.includes(lane)) problems.push('must have the lane "fast" or "outbox".')
  if (describe !== undefined && typeof describe !== 'function') problems.push(...inEach(describe))
  return problems
}

function inEach(describe: unknown): readonly string[] {
  if (typeof describe !== 'object' || describe === null || Object.keys(describe).length === 0) {
    const got = describe === null ? 'null' : typeof describe
    return [`needs a function describe, or one for each language, got ${got}.`]
  }
  return Object.entries(describe).flatMap(([language, sentence]) => {
    if (!isLanguage(language)) {
      return [`has a describe for "${language}". The languages are ${LANGUAGES.join(', ')}.`]
    }
    const isFunction = typeof sentence === 'function'
    return isFunction
      ? []
      : [`needs a function describe for "${language}", got ${typeof sentence}.`]
  })
}
