import { isUuid } from '../../ids/uuid.ts'
import { isUuid7 } from '../../ids/uuid7.ts'

/**
 * Characters that are invisible, that control a terminal or that change the direction of text. They
 * are shown by their number, so that no value can make its entry look like another one.
 */
const HIDDEN_CHARACTERS = new RegExp(
  [
    '[\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]', // control characters except tab and line feed
    '[\\u061c\\u200e\\u200f\\u202a-\\u202e\\u2066-\\u2069]', // direction
    '[\\u200b\\u2028\\u2029\\u2060-\\u2065\\ufeff]', // invisible
  ].join('|'),
  'g',
)

export function visible(text: string): string {
  return text.replaceAll(
    HIDDEN_CHARACTERS,
    (character) => `⟨U+${character.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`,
  )
}

/** On one line, ended by an ellipsis where it was longer. Never splits a surrogate pair. */
export function shortened(text: string, maxCharacters: number): string {
  const line = visible(text.slice(0, maxCharacters * 4))
    .replaceAll(/\s+/g, ' ')
    .trim()
  const characters = Array.from(line)
  if (characters.length <= maxCharacters && text.length <= maxCharacters * 4) return line
  return `${characters.slice(0, maxCharacters - 1).join('')}…`
}

/**
 * A JSON value as short text.
 *
 * @param nothing what is shown where there is no value
 */
export function inBrief(value: unknown, maxCharacters: number, nothing: string): string {
  if (value === undefined) return nothing
  if (typeof value === 'string') return value === '' ? '“”' : shortened(value, maxCharacters)
  return shortened(JSON.stringify(value), maxCharacters)
}

/** What is shown of an id that is no UUID. */
const MAX_ID_CHARACTERS = 20
const TAIL_CHARACTERS = 8

/** The part of an id that differs from other ids on a page. */
export function shortId(id: string): string {
  if (!isUuid(id)) return bothEnds(id)
  // A UUIDv7 begins with its time, which is the same for ids made together.
  return isUuid7(id) ? `…${id.slice(-8)}` : id.slice(0, 8)
}

/** Ids of one kind often begin alike, as `user_` or a time, and differ at their end. */
function bothEnds(id: string): string {
  const characters = Array.from(shortened(id, id.length))
  if (characters.length <= MAX_ID_CHARACTERS) return characters.join('')
  const head = characters.slice(0, MAX_ID_CHARACTERS - TAIL_CHARACTERS - 1)
  return `${head.join('')}…${characters.slice(-TAIL_CHARACTERS).join('')}`
}
