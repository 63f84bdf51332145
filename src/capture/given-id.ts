import { MAX_TEXT_CHARACTERS } from '../entry.ts'
import { digitsOf } from '../ids/digits.ts'
import type { Copier } from '../copy/copier.ts'
import { columnText, idIn, readOwn, textFrom } from './given-fields.ts'

/** What was given for an id and is none for any column. Its text is kept in `context.invalid`. */
export class UnfitId {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** An id as it was given, without secrets. Only the database knows whether its columns take it. */
export type CapturedId = string | UnfitId

/** Reads what was given for a user, an event or a target. Undefined for null and ''. */
export function readId(copier: Copier, name: string, given: unknown): CapturedId | undefined {
  if (given === undefined || given === null) return undefined
  const own = typeof given === 'object' && !Array.isArray(given) ? ownId(copier, given) : given
  if (!Object.is(own, given)) copier.notes.markEntry(`${name}.object`)
  const text = typeof own === 'string' ? own : digitsOf(own)
  if (text !== undefined) return columnText(copier, name, text, MAX_TEXT_CHARACTERS)
  copier.notes.markEntry(`${name}.invalid`)
  const kept = columnText(copier, name, textOf(copier, own), MAX_TEXT_CHARACTERS)
  return kept === undefined ? undefined : new UnfitId(kept)
}

/** The id of an object, or the text that an id object of a library stands for. Else the object. */
function ownId(copier: Copier, given: object): unknown {
  const id = idIn(copier, given)
  if (id !== undefined) return id
  if (typeof readOwn(copier, given, 'toJSON') !== 'function') return given
  const before = copier.notes.marks?.length
  const text = textFrom(copier, given)
  // A toJSON that throws, or whose text was changed, stands for no id.
  return copier.notes.marks?.length === before && !/^[[{]/.test(text) ? text : given
}

function textOf(copier: Copier, given: unknown): string {
  return Object.is(given, -0) ? '-0' : textFrom(copier, given)
}
