import type { ActorKind } from '../../entry.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
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

const KINDS: Readonly<Record<ActorKind, readonly [alone: string, named: string]>> = {
  api_key: ['An API key', 'API key '],
  service: ['A service', 'Service '],
  system: ['The system', 'The system, '],
  agent: ['An AI agent', 'AI agent '],
}

/** Who did it; undefined where the entry does not say. An impersonator comes first: they did it. */
export function actorParts(entry: LoggedEntry, nameOf: NameOf): SentencePart[] | undefined {
  const actor = ownActorParts(entry, nameOf)
  const user = userParts(entry, nameOf)
  if (actor === undefined) return user
  return user === undefined ? actor : [...actor, textPart(' as '), ...user]
}

/** The actor who is not the user. */
function ownActorParts(entry: LoggedEntry, nameOf: NameOf): SentencePart[] | undefined {
  const { actorId, actorKind, context, shownAs } = entry
  if (shownAs?.actorId !== undefined) return [namePart(shownAs.actorId)]
  const kind = actorKind === null ? undefined : KINDS[actorKind]
  if (actorId !== null) {
    const actor = { kind: 'actor', id: actorId, text: nameOf(actorId) ?? shortId(actorId) } as const
    return kind === undefined ? [actor] : [textPart(kind[1]), actor]
  }
  if (kind !== undefined) return [textPart(kind[0])]
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

export function textPart(text: string): SentencePart {
  return { kind: 'text', text }
}

export function namePart(text: string): SentencePart {
  return { kind: 'name', text }
}
