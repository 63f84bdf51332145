import { secretKindOf, type SecretKind, identifies } from './secret-keys.ts'

/**
 * An object can be about a secret without a key that says so: `{ field: 'password', from, to }`,
 * `{ name: 'Authorization', value }`, `{ op: 'replace', path: '/password', value }`. One of its keys,
 * the label, has the secret's name as its value.
 */
const LABEL =
  /^(?:(?:field|column|property|attribute|attr|prop|header|param|parameter|option|setting|config|variable|var|env|key|display|cookie|form|input|item|element|argument|arg|flag|metadata|tag|target|claim)[_-]?(?:name|key|path|id)?|name|path|loc|id|json[_-]?path|pointer|label|k|n|what|title|identifier)s?$/i
/** The keys next to a label that hold the value. */
const VALUE =
  /^(?:(?:old|new|from|to|before|after|prev|previous|current|current|next|original|updated|left|right|added|removed|default|string|str|text|raw|plain|initial|final|int|number|json|set|changed|actual|expected)[_-]?(?:value|val|data|text|content|string)?s?|value|values|val|v|data|content|contents|was|is|now|lhs|rhs|input|answer|secret|[a-z]{1,16}[_-]?value)$/i
const POINTER_VALUE = /^(?:value|(?:old|new|prev|previous)[_-]?(?:value)?|before|after|to)$/i

/** The longest name of a secret that a label is read for. */
export const MAX_LABEL_CHARACTERS = 128

const MAX_PATH_PARTS = 32
/** A form's field, and no id that a machine has made. */
const FIELD_ID = /^[a-z][a-z._ -]{1,31}$/i
const PATH = /^(?:[a-z_-]*path|loc)$/i
/** Where a path ends with one of these, the name is in front of it. */
const NO_NAME = /^(?:value|new|old|\d+|-)$/i
const isNoName = (part: unknown) => typeof part === 'string' && NO_NAME.test(part)

/**
 * The name that a label gives: a text, or the last name of a path such as `['user', 'password']`.
 * Next to an `id` fewer keys hold a value, as next to a path with slashes.
 */
export function nameIn(label: string, value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (value.length > MAX_LABEL_CHARACTERS) return undefined
    if (label.length > 2 || label.toLowerCase() !== 'id') return value
    return FIELD_ID.test(value) ? `/${value}` : undefined
  }
  const isPath = Array.isArray(value) && value.length <= MAX_PATH_PARTS && PATH.test(label)
  if (!isPath) return undefined
  const last: unknown = value.findLast((part) => typeof part !== 'number' && !isNoName(part))
  return typeof last === 'string' && last.length <= MAX_LABEL_CHARACTERS ? last : undefined
}

export function isLabel(key: string): boolean {
  return key.length <= 20 && LABEL.test(key)
}

/** Whether the key next to a label holds the value, when the label is this text. */
export function isLabelled(key: string, label: string): boolean {
  if (key.length > 20) return false
  return label.startsWith('/') ? POINTER_VALUE.test(key) : VALUE.test(key)
}

/** What a label says: a name, or a path of names such as `/users/0/password`, `user.password`. */
export function labelKind(label: string): SecretKind | undefined {
  if (label.length > MAX_LABEL_CHARACTERS) return undefined
  const whole = secretKindOf(label)
  if (!/[/.[]/.test(label)) return whole
  const parts = label.split(/[/.[\]'"]+/).filter((part) => part !== '' && !/^[\d*-]+$/.test(part))
  const last = parts.at(-1)
  if (last === undefined || identifies(last)) return undefined
  for (const part of parts.toReversed()) {
    const kind = secretKindOf(part)
    if (kind !== undefined) return kind
  }
  return undefined
}
