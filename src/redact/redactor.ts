import { optionInvalid } from '../errors.ts'
import { refuseUnknownOptions } from '../options.ts'
import { compilePaths, type PathStep } from './paths.ts'
import { isSecretKey } from './secret-keys.ts'
import { mayHoldSecret, replaceSecrets } from './secret-texts.ts'
import { internal } from '../engine-text.ts'

/** What to redact in addition to the defaults. The three options are those of pino. */
export interface RedactOptions {
  /**
   * Up to 1,000 paths: `metadata.card.number`, `metadata.users[*].ssn`, `metadata.*.pin`,
   * `context.ip`; and `**.ssn` for a key at any depth. They add to the defaults: keys such as
   * `password` and `accessToken` at any depth, and in every text JWTs, private keys, card numbers,
   * `Bearer …`, `Basic …`, passwords in URLs, `token=…`, `"password": "…"`.
   * @default []
   */
  readonly paths?: readonly string[] | undefined
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

export const PLAIN_KEY = 0
export const SECRET_KEY = 1
/** The key's own text holds a secret, as in a map from tokens to users. */
export const UNCLEAN_KEY = 2
export type KeyRule = typeof PLAIN_KEY | typeof SECRET_KEY | typeof UNCLEAN_KEY

export interface Redactor {
  /** False when all redaction is switched off. */
  readonly active: boolean
  readonly remove: boolean
  readonly metadata: PathStep | undefined
  readonly context: PathStep | undefined
  /** The keys known to be plain, by slot. The hot path reads them without a call. */
  readonly known: readonly string[]
  /** What to do with a value because of its key. */
  keyRule(key: string): KeyRule
  /** The text without its secrets; the same string if there are none. */
  cleanText(text: string, path: string): string
  /** The replacement of a secret. It is what the censor returned and still has to be copied. */
  censor(value: unknown, path: string): unknown
}

const CENSOR = '[Redacted]'
const MAX_CACHED_KEY_CHARACTERS = 64
/** When so many plain keys are remembered, all are forgotten: those in use soon come back. */
const MAX_PLAIN_KEYS = 1_024

/** @throws {AuditError} `AUDIT_OPTION_INVALID`, naming the wrong path or option */
export function compileRedactor(
  options: RedactOptions | readonly string[] | false | undefined,
): Redactor {
  if (options === false) return OFF
  const { paths = [], censor = CENSOR, remove = false } = checked(options)
  const { metadata, context, anywhere } = compilePaths(paths)
  const isSecret = (key: string) => anywhere.has(key) || isSecretKey(key)

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
  const cleanText = (text: string, path: string): string =>
    replaceSecrets(text, (secret) => censoredText(secret, path), isSecret)

  // Deciding costs about as much as copying ten values, and most keys occur many times. Measured in
  // hotpath-parts.md, "plain keys remembered".
  const plain = new Map<string, string>()
  const known = newSlots()
  const keyRule = (key: string): KeyRule => {
    const own = plain.get(key)
    if (own !== undefined) {
      known[slotOf(key)] = own
      return PLAIN_KEY
    }
    if (mayHoldSecret(key) && cleanText(key, '') !== key) return UNCLEAN_KEY
    if (isSecret(key)) return SECRET_KEY
    if (key.length <= MAX_CACHED_KEY_CHARACTERS) {
      if (plain.size >= MAX_PLAIN_KEYS) plain.clear()
      plain.set(key, internal(key))
    }
    return PLAIN_KEY
  }

  return { active: true, remove, metadata, context, known, keyRule, cleanText, censor: censored }
}

const KEY_SLOTS = 1_024
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
  keyRule: (key) => {
    if (key.length <= MAX_CACHED_KEY_CHARACTERS) knownWhenOff[slotOf(key)] = internal(key)
    return PLAIN_KEY
  },
  cleanText: (text) => text,
  censor: () => CENSOR,
}

function checked(options: RedactOptions | readonly string[] | undefined): RedactOptions {
  if (options === undefined) return {}
  if (isPaths(options)) return { paths: options }
  if (typeof options !== 'object' || options === null) {
    throw optionInvalid('redact must be an object, a list of paths, or false.')
  }
  refuseUnknownOptions(options, ['paths', 'censor', 'remove'])
  const { paths, censor, remove } = options
  if (paths !== undefined && !isPaths(paths)) throw optionInvalid('redact.paths must be an array.')
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
