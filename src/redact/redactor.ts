import { optionInvalid } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import { isLabel, labelKind } from './labels.ts'
import { STEMS } from './named-texts.ts'
import type { Search } from './search.ts'
import { compilePaths, type PathStep } from './paths.ts'
import { mayName, type SecretKind, secretKindOf } from './secret-keys.ts'
import { mayHoldSecret, replaceSecrets } from './secret-texts.ts'
import { internal } from '../engine-text.ts'

/** What to redact in addition to the defaults, and what not. Three of the options are those of pino. */
export interface RedactOptions {
  /**
   * Up to 1,000 paths: `metadata.card.number`, `metadata.users[*].ssn`, `metadata.*.pin`,
   * `context.ip`; and `**.ssn` for a key at any depth. They add to the defaults: keys such as
   * `password` and `accessToken` at any depth, the values next to a name such as
   * `{ field: 'password' }`, and in every text JWTs, private keys, card numbers, tokens with a known
   * beginning, `Bearer …`, `Basic …`, passwords in URLs, `token=…`, `Password: …`, `--password …`.
   * @default []
   */
  readonly paths?: readonly string[] | undefined
  /**
   * Up to 1,000 paths, written as those of `paths`, in whose values nothing is redacted:
   * `metadata.order.number`, `**.sessionId`. If `paths` names the same value, it is redacted.
   * @default []
   */
  readonly except?: readonly string[] | undefined
  /**
   * What is stored in place of a secret. A function receives the value and its path. If it throws,
   * the default is stored. For a secret inside a text, the function receives that secret alone. If
   * it then returns anything but text, the default is stored.
   * @default '[Redacted]'
   */
  readonly censor?: string | ((value: unknown, path: string) => unknown) | undefined
  /**
   * Whether secret keys are left out instead of censored. In an array, null is stored instead. A
   * secret inside a text is censored all the same.
   * @default false
   */
  readonly remove?: boolean | undefined
}

/**
 * What to do with a value because of its key. `unclean`: the key's own text holds a secret, as in a
 * map from tokens to users. `spared`: nothing is redacted in the value.
 */
export type KeyRule = 'plain' | 'unclean' | 'spared' | SecretKind

export interface Redactor {
  /** False when all redaction is switched off. */
  readonly active: boolean
  readonly remove: boolean
  readonly metadata: PathStep | undefined
  readonly context: PathStep | undefined
  /** The keys known to be plain, by slot. The hot path reads them without a call. */
  readonly known: readonly string[]
  /** 1 at the slot of a known key that names what the keys next to it hold, as `field` does. */
  readonly labels: Uint8Array
  /** Whether the key, which is known, names what the keys next to it hold. */
  isLabel(key: string): boolean
  /** What to do with a value because of its key. */
  keyRule(key: string): KeyRule
  /** What the text names, where it is the name that another value is given: `user.password`. */
  namedKind(text: string): SecretKind | undefined
  /** Whether the text may hold a secret, so that `cleanText` has to search it. */
  mayHold(text: string): boolean
  /**
   * The text without its secrets; the same string if there are none.
   *
   * @param path where the text is; asked only when there is a secret
   * @param budget how many names may be looked up. When none is left, the rest of the text is
   *   replaced and `left` is negative.
   */
  cleanText(text: string, path: string | (() => string), budget?: LookUps): string
  /** The replacement of a secret. It is what the censor returned and still has to be copied. */
  censor(value: unknown, path: string): unknown
}

/** How many names may still be looked up in the texts of an entry. */
export interface LookUps {
  left: number
}

/**
 * Texts with more names of secrets than this are hardly logs, and looking up a name costs about 0.2
 * µs.
 */
export const MAX_LOOK_UPS = 600
/** What is replaced counts as so many names. */
const REPLACED_LOOK_UPS = 11

const CENSOR = '[Redacted]'
const MAX_CACHED_KEY_CHARACTERS = 64
/** When so many plain keys are remembered, all are forgotten: those in use soon come back. */
const MAX_PLAIN_KEYS = 4_096
/** A key with more digits is made of an id and hardly comes back. */
const MANY_DIGITS = /\d(?:\D*\d){5}/

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming the wrong path or option */
export function compileRedactor(
  options: RedactOptions | readonly string[] | false | undefined,
): Redactor {
  if (options === false) return OFF
  const { paths = [], except = [], censor = CENSOR, remove = false } = checked(options)
  const { metadata, context, anywhere, spared } = compilePaths(paths, except)
  const kindOf = remembered((key) =>
    anywhere.has(key) ? 'password' : spared.has(key) ? undefined : secretKindOf(key),
  )
  const namedKind = remembered((text) => (anywhere.has(text) ? 'password' : labelKind(text)))
  const ownNames = [...anywhere].map((name) => name.replaceAll(/[.*+?^${}()|[\]\\/]/g, '\\$&'))
  const stem = new RegExp([...ownNames, STEMS].join('|'))
  const stems = new RegExp(stem.source, 'g')
  const mayHold = (text: string) => mayHoldSecret(text, stem)

  const censored = (value: unknown, path: string): unknown => {
    if (typeof censor === 'string') return censor
    try {
      return censor(value, path)
    } catch {
      return CENSOR
    }
  }
  const censoredText = (secret: string, path: string): string => {
    const text = censored(secret, path)
    return typeof text === 'string' ? text : CENSOR
  }
  const cleanText: Redactor['cleanText'] = (text, path, budget = { left: MAX_LOOK_UPS }) => {
    let known = typeof path === 'string' ? path : undefined
    const replace = (secret: string) => {
      known ??= typeof path === 'string' ? path : path()
      search.left -= REPLACED_LOOK_UPS
      return search.left < 0 ? CENSOR : censoredText(secret, known)
    }
    const search: Search = { replace, kindOf, stems, left: budget.left }
    const clean = replaceSecrets(text, search)
    budget.left = search.left
    return clean
  }

  // Deciding costs about as much as copying ten values, and most keys occur many times. Measured in
  // hotpath-parts.md, "plain keys remembered".
  const plain = new Map<string, string>()
  const known = newSlots()
  const labels = new Uint8Array(KEY_SLOTS)
  const labelKeys = new Set<string>()
  const keyRule = (key: string): KeyRule => {
    const own = plain.get(key)
    if (own !== undefined) {
      known[slotOf(key)] = own
      labels[slotOf(key)] = labelKeys.has(key) ? 1 : 0
      return 'plain'
    }
    if (IS_HASH.test(key)) return 'plain'
    if (spared.has(key)) return 'spared'
    if (mayHold(key) && cleanText(key, '') !== key) return 'unclean'
    const kind = kindOf(key)
    if (kind !== undefined) return kind
    if (key.length <= MAX_CACHED_KEY_CHARACTERS && !MANY_DIGITS.test(key)) {
      if (plain.size >= MAX_PLAIN_KEYS) {
        plain.clear()
        labelKeys.clear()
      }
      plain.set(key, internal(key))
      if (isLabel(key)) labelKeys.add(key)
    }
    return 'plain'
  }

  return {
    active: true,
    remove,
    metadata,
    context,
    known,
    labels,
    keyRule,
    namedKind,
    isLabel: (key) => labelKeys.has(key),
    mayHold,
    cleanText,
    censor: censored,
  }
}

/** A key of digits and letters to `f` alone is an id or a hash, and hardly comes back. */
const IS_HASH = /^[\da-f-]{16,64}$/i

const MAX_REMEMBERED_NAMES = 1_024

/** Taking a name apart costs about 1 µs. */
function remembered(
  kindOf: (name: string) => SecretKind | undefined,
): (name: string) => SecretKind | undefined {
  const kinds = new Map<string, SecretKind | undefined>()
  return (name) => {
    // A long name has a kind by its end alone, which `kindOf` looks at.
    if (name.length > MAX_CACHED_KEY_CHARACTERS || !mayName(name)) return kindOf(name)
    const known = kinds.get(name)
    if (known !== undefined || kinds.has(name)) return known
    const kind = kindOf(name)
    if (kinds.size >= MAX_REMEMBERED_NAMES) kinds.clear()
    kinds.set(internal(name), kind)
    return kind
  }
}

export const KEY_SLOTS = 1_024
const newSlots = (): string[] => new Array<string>(KEY_SLOTS).fill('')

/**
 * The slot of a key. Its length, first and last character tell most keys apart and cost less than a
 * hash of the whole key. Measured in hotpath-parts.md, "slots in front of the plain keys".
 */
export function slotOf(key: string): number {
  return (
    (key.length * 67 + key.charCodeAt(0) * 31 + key.charCodeAt(key.length - 1)) & (KEY_SLOTS - 1)
  )
}

const knownWhenOff = newSlots()

const OFF: Redactor = {
  active: false,
  remove: false,
  metadata: undefined,
  context: undefined,
  known: knownWhenOff,
  labels: new Uint8Array(KEY_SLOTS),
  keyRule: (key) => {
    if (key.length <= MAX_CACHED_KEY_CHARACTERS) knownWhenOff[slotOf(key)] = internal(key)
    return 'plain'
  },
  namedKind: () => undefined,
  isLabel: () => false,
  mayHold: () => false,
  cleanText: (text) => text,
  censor: () => CENSOR,
}

function checked(options: RedactOptions | readonly string[] | undefined): RedactOptions {
  if (options === undefined) return {}
  if (isPaths(options)) return { paths: options }
  if (typeof options !== 'object' || options === null) {
    throw optionInvalid('redact must be an object, a list of paths, or false.')
  }
  refuseUnknownOptions(options, ['paths', 'except', 'censor', 'remove'])
  const { paths, except, censor, remove } = options
  if (paths !== undefined && !isPaths(paths)) throw optionInvalid('redact.paths must be an array.')
  if (except !== undefined && !isPaths(except)) {
    throw optionInvalid('redact.except must be an array.')
  }
  if (censor !== undefined && typeof censor !== 'string' && typeof censor !== 'function') {
    throw optionInvalid('redact.censor must be a string or a function.')
  }
  if (remove !== undefined && typeof remove !== 'boolean') {
    throw optionInvalid('redact.remove must be true or false.')
  }
  return options
}

// Array.isArray alone does not narrow the type to readonly arrays.
function isPaths(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}
