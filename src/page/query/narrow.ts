import { isUuid } from '../../ids/uuid.ts'
import { withoutPart } from '../../query/log-query.ts'
import { MAX_QUERY_CHARACTERS } from '../../query/parse-query.ts'
import { isActionPattern } from '../../query/qualifier-values.ts'
import { type FieldName, filterHref } from './address.ts'
import type { Query } from './query.ts'

/** The qualifiers that links add, each with the older parameter that means the same. */
const OLDER = {
  action: 'action',
  user: 'user',
  actor: 'actor',
  on: 'target',
  event: 'event',
  request: 'request',
} as const satisfies Record<string, FieldName>

export type LinkedQualifier = keyof typeof OLDER

/** A word that is read as it stands. */
const PLAIN = /^[\p{L}\p{N}_@.#/][^\s"“”„«»()]*$/u
const UNQUOTABLE = /["“”„«»\p{Cc}\p{Cs}]|^\s|\s$|^$/u

/** `on:7f9c…`, or undefined where the query line has no way to say exactly this. */
export function qualified(name: LinkedQualifier, value: string): string | undefined {
  // An id that is no UUID could be somebody's name, too, and would stand for others.
  const isExact = name === 'action' ? isActionPattern(value) : name === 'request' || isUuid(value)
  if (!isExact) return undefined
  if (PLAIN.test(value)) return `${name}:${value}`
  return UNQUOTABLE.test(value) ? undefined : `${name}:"${value}"`
}

/**
 * A link that asks for one value next to what is asked for now. It takes the place of a part with the
 * same qualifier.
 *
 * @returns undefined where that is asked for already
 */
export function narrowHref(
  { given, line }: Pick<Query, 'given' | 'line'>,
  name: LinkedQualifier,
  value: string,
): string | undefined {
  const own = qualified(name, value)
  const older = OLDER[name]
  if (own === undefined) {
    return given[older] === value ? undefined : filterHref(given, { [older]: value })
  }
  const same = line?.parts.find((part) => part.name === name && !part.isNot)
  if (line && same && line.text.slice(same.from, same.to) === own && given[older] === undefined) {
    return undefined
  }
  const rest = line && same ? withoutPart(line, same) : (given['q'] ?? '')
  const q = `${rest} ${own}`.trim()
  // A line that is too long would not be read at all.
  if (q.length > MAX_QUERY_CHARACTERS) return filterHref(given, { [older]: value })
  return filterHref(given, { q, [older]: null })
}

/** A link that asks for one value and nothing else. */
export function onlyHref(
  name: LinkedQualifier,
  value: string,
  more: Readonly<Record<string, string>> = {},
): string {
  const own = qualified(name, value)
  return filterHref({}, own === undefined ? { [OLDER[name]]: value, ...more } : { q: own, ...more })
}
