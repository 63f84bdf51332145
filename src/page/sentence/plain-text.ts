import { isUuid } from '../../ids/uuid.ts'
import { isUuid7 } from '../../ids/uuid7.ts'

/**
 * What steers a terminal or a text's direction, in a value that somebody else chose: shown by its
 * number, because an entry must not be able to make its own line read as another.
 */
const STEERING = new RegExp(
  [
    '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]', // control, but for tab and line feed
    '[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]', // direction
    '[\\u200b\\u2028\\u2029\\u2060-\\u2065\\ufeff]', // unseen
  ].join('|'),
  'g',
)

export function visible(text: string): string {
  return text.replaceAll(
    STEERING,
    (sign) => `⟨U+${sign.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  )
}

/** On one line, with an ellipsis where it was longer. Never cuts a character in half. */
export function shortened(text: string, maxCharacters: number): string {
  const line = visible(text.slice(0, maxCharacters * 4))
    .replaceAll(/\s+/g, ' ')
    .trim()
  const characters = Array.from(line)
  if (characters.length <= maxCharacters && text.length <= maxCharacters * 4) return line
  return `${characters.slice(0, maxCharacters - 1).join('')}…`
}

/** Any value of JSON in a few words. */
export function inBrief(value: unknown, maxCharacters: number): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'string') return value === '' ? '“”' : shortened(value, maxCharacters)
  return shortened(JSON.stringify(value), maxCharacters)
}

/** Enough of an id to tell it from the others on a page. */
export function shortId(id: string): string {
  if (!isUuid(id)) return shortened(id, 20)
  // Of a UUIDv7 the first half is the time, the same for all that were made together.
  return isUuid7(id) ? `…${id.slice(-8)}` : id.slice(0, 8)
}
