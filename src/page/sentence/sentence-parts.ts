import type { ActorKind } from '../../entry.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { NamesOf, TextKey } from '../language/texts.ts'
import type { Words } from '../language/words.ts'
import { shortId } from './plain-text.ts'

/** A part of a sentence. A part with an id can become a link that filters by it. */
export type SentencePart =
  | { readonly kind: 'text' | 'name' | 'field' | 'from' | 'to' | 'aside'; readonly text: string }
  | {
      readonly kind: 'user' | 'actor' | 'target' | 'event'
      readonly text: string
      readonly id: string
    }

/** @returns a name for an id; undefined where none is known */
export type NameOf = (id: string) => string | undefined

const KINDS = {
  api_key: ['apiKeyAlone', 'apiKeyNamed'],
  service: ['serviceAlone', 'serviceNamed'],
  system: ['systemAlone', 'systemNamed'],
  agent: ['agentAlone', 'agentNamed'],
} as const satisfies Record<ActorKind, readonly [alone: TextKey, named: TextKey]>

/** Who did it; undefined where the entry does not say. An impersonator comes first: they did it. */
export function actorParts(
  entry: LoggedEntry,
  nameOf: NameOf,
  words: Words,
): SentencePart[] | undefined {
  const actor = ownActorParts(entry, nameOf, words)
  const user = userParts(entry, nameOf)
  if (actor === undefined) return user
  return user === undefined ? actor : sentenceParts(words, 'actorAsUser', { actor, user })
}

/** The actor who is not the user. */
function ownActorParts(
  entry: LoggedEntry,
  nameOf: NameOf,
  words: Words,
): SentencePart[] | undefined {
  const { actorId, actorKind, context, shownAs } = entry
  if (shownAs?.actorId !== undefined) return [namePart(shownAs.actorId)]
  const kind = actorKind === null ? undefined : KINDS[actorKind]
  if (actorId !== null) {
    const actor = { kind: 'actor', id: actorId, text: nameOf(actorId) ?? shortId(actorId) } as const
    return kind === undefined ? [actor] : sentenceParts(words, kind[1], { actor: [actor] })
  }
  if (kind !== undefined) return [textPart(words.say(kind[0]))]
  const text =
    textIn(context['invalid'], 'actorId') ??
    textIn(context, 'impersonatorId') ??
    textIn(context, 'impersonator')
  return text === undefined ? undefined : [namePart(nameOf(text) ?? idOrText(text))]
}

function userParts(entry: LoggedEntry, nameOf: NameOf): SentencePart[] | undefined {
  if (entry.shownAs?.userId !== undefined) return [namePart(entry.shownAs.userId)]
  if (entry.userId) {
    const id = entry.userId
    return [{ kind: 'user', id, text: nameOf(id) ?? shortId(id) }]
  }
  // A user id that is no UUID is kept in the context: another system's name for its user.
  const actor = textIn(entry.context['invalid'], 'userId') ?? textIn(entry.context, 'viewer')
  return actor ? [namePart(idOrText(actor))] : undefined
}

/** The last segment of a path or an ARN is the one that differs between users. */
function idOrText(given: string): string {
  return shortId(given.split('/').at(-1) || given)
}

/** @returns the text under `key`; undefined where there is none or it is blank */
export function textIn(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  const found: unknown = Reflect.get(value, key)
  return typeof found === 'string' && found.trim() !== '' ? found : undefined
}

/** A text of the page whose values are parts, such as links. */
export function sentenceParts<Key extends TextKey>(
  words: Words,
  key: Key,
  values: Readonly<Record<NamesOf<Key>, string | readonly SentencePart[]>>,
): SentencePart[] {
  return words
    .pieces<Key, string | readonly SentencePart[]>(key, values)
    .flatMap((piece) => (typeof piece === 'string' ? textParts(piece) : piece))
}

function textParts(text: string): readonly SentencePart[] {
  return text === '' ? [] : [textPart(text)]
}

export function textPart(text: string): SentencePart {
  return { kind: 'text', text }
}

export function namePart(text: string): SentencePart {
  return { kind: 'name', text }
}
