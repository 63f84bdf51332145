import {
  ACTOR_KINDS,
  MAX_MORE_TARGETS,
  MAX_TEXT_CHARACTERS,
  OUTCOMES,
  type Outcome,
} from '../entry.ts'
import type { CapturedActor, CapturedWord } from './captured-entry.ts'
import type { Copier } from '../copy/copier.ts'
import { columnText, textFrom } from './given-fields.ts'
import { type CapturedId, readId, UnfitId } from './given-id.ts'

/** About how many characters an id of a list takes as JSON. */
const LISTED_CHARACTERS = 40

export function readOutcome(copier: Copier, given: unknown): CapturedWord<Outcome> | undefined {
  return wordOf(copier, 'outcome', OUTCOMES, given)
}

/**
 * An actor's id and kind belong together: an actor whose id is given does not inherit the kind of
 * another one.
 *
 * @returns null where it is explicitly nobody; `inherited` where nothing is given
 */
export function readActor(
  copier: Copier,
  id: unknown,
  kind: unknown,
  inherited: CapturedActor | null | undefined,
): CapturedActor | null | undefined {
  if (id === undefined && kind === undefined) return inherited
  const ownId = id === undefined ? inherited?.id : readId(copier, 'actorId', id)
  const ownKind = wordOf(copier, 'actorKind', ACTOR_KINDS, kind)
  return ownId === undefined && ownKind === undefined ? null : { id: ownId, kind: ownKind }
}

export function readMoreTargets(copier: Copier, given: unknown): readonly CapturedId[] | undefined {
  if (given === undefined || given === null || given === '') return undefined
  const ids: CapturedId[] = []
  for (const one of listed(copier, given)) {
    const id = readId(copier, 'moreTargets', one)
    if (id === undefined) continue
    if (ids.length === MAX_MORE_TARGETS) {
      copier.notes.markEntry('moreTargets.truncated')
      break
    }
    copier.spend(LISTED_CHARACTERS)
    ids.push(id)
  }
  return ids.length === 0 ? undefined : ids
}

/** What the list holds: one more than is kept, so that a longer list is seen. */
function listed(copier: Copier, given: unknown): readonly unknown[] {
  const found: unknown[] = []
  try {
    if (!Array.isArray(given)) {
      copier.notes.markEntry('moreTargets.wrapped')
      return [given]
    }
    for (let at = 0; at < given.length && found.length <= MAX_MORE_TARGETS; at += 1) {
      if (at === MAX_LOOKS) {
        copier.notes.markEntry('moreTargets.truncated')
        break
      }
      const one: unknown = given[at]
      if (one !== undefined && one !== null && one !== '') found.push(one)
    }
  } catch {
    copier.notes.markEntry('moreTargets.throws') // a proxy, or a getter
  }
  return found
}

function wordOf<Word extends string>(
  copier: Copier,
  name: string,
  words: readonly Word[],
  given: unknown,
): CapturedWord<Word> | undefined {
  if (given === undefined || given === null || given === '') return undefined
  const known = words.find((word) => word === given)
  if (known !== undefined) return known
  copier.notes.markEntry(`${name}.invalid`)
  const text = typeof given === 'string' ? given : textFrom(copier, given)
  const kept = columnText(copier, name, text, MAX_TEXT_CHARACTERS)
  return kept === undefined ? undefined : new UnfitId(kept)
}

/** How many places of a list are looked at, where most of them are empty. */
const MAX_LOOKS = 10_000
