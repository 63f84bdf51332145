import type { Copier } from '../copy/copier.ts'
import { JsonObject, merge } from '../copy/json-object.ts'
import { headOf } from '../engine-text.ts'
import { MAX_NAME_CHARACTERS, MAX_TEXT_CHARACTERS } from '../entry.ts'
import type { CapturedActor } from './captured-entry.ts'
import { columnText } from './given-fields.ts'
import { type CapturedId, UnfitId } from './given-id.ts'

interface Named {
  readonly userId: CapturedId | null | undefined
  readonly actor: CapturedActor | null | undefined
}

/** The keys of a context that become names. */
const NAME_KEYS = ['userName', 'actorName'] as const
/** About how many characters the keys around a name take as JSON. */
const KEYS_CHARACTERS = 32

/**
 * Puts `userName` and `actorName` of a context where they are stored: `user` and `actor`, each next to
 * the id that it belongs to. An entry can have another user than its context, and its name would be
 * taken for that one's.
 *
 * @param own the copy of the context, so without secrets
 */
export function withNames(
  copier: Copier,
  own: JsonObject | undefined,
  { userId, actor }: Named,
): JsonObject | undefined {
  if (own === undefined || !('userName' in own || 'actorName' in own)) return own
  const names = new JsonObject()
  const user = named(copier, 'userName', own['userName'], userId)
  const acting = named(copier, 'actorName', own['actorName'], actor?.id)
  if (user !== undefined) names['user'] = user
  if (acting !== undefined) names['actor'] = acting
  return merge(own, names, NAME_KEYS)
}

/** A censored name is none. */
function named(
  copier: Copier,
  key: (typeof NAME_KEYS)[number],
  given: unknown,
  id: CapturedId | null | undefined,
): JsonObject | undefined {
  if (given === undefined || given === null || given === '') return undefined
  if (typeof given !== 'string') {
    copier.notes.markEntry(`${key}.invalid`)
    return undefined
  }
  if (copier.notes.redacted?.includes(`context.${key}`)) return undefined
  const name = headOf(given, MAX_NAME_CHARACTERS)
  if (name !== given) copier.notes.markEntry(`${key}.truncated`)
  const object = new JsonObject()
  if (id !== undefined && id !== null && !(id instanceof UnfitId)) {
    // An id as long as a UUID was not searched for secrets yet.
    object['id'] = columnText(copier, key, id, MAX_TEXT_CHARACTERS)
  }
  object['name'] = name
  copier.spend(KEYS_CHARACTERS + (typeof object['id'] === 'string' ? object['id'].length : 0))
  return object
}
