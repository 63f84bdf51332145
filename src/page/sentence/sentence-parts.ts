import type { LoggedEntry } from '../../read/logged-entry.ts'
import { shortId } from './plain-text.ts'

/** A part of a sentence. A part with an id can become a link that filters by it. */
export type SentencePart =
  | { readonly kind: 'text' | 'name' | 'field' | 'from' | 'to' | 'aside'; readonly text: string }
  | { readonly kind: 'user' | 'target' | 'event'; readonly text: string; readonly id: string }

/** @returns a name for an id; undefined where none is known */
export type NameOf = (id: string) => string | undefined

/** Who did it; undefined where the entry does not say. An impersonator comes first: they did it. */
export function actorParts(entry: LoggedEntry, nameOf: NameOf): SentencePart[] | undefined {
  const impersonator =
    textIn(entry.context, 'impersonatorId') ?? textIn(entry.context, 'impersonator')
  const impersonating = impersonator
    ? [namePart(nameOf(impersonator) ?? idOrText(impersonator)), textPart(' as ')]
    : []
  if (entry.userId) {
    const id = entry.userId
    return [...impersonating, { kind: 'user', id, text: nameOf(id) ?? shortId(id) }]
  }
  // A user id that is no UUID is kept in the context: another system's name for its user.
  const actor = textIn(entry.context['invalid'], 'userId') ?? textIn(entry.context, 'viewer')
  return actor ? [...impersonating, namePart(idOrText(actor))] : undefined
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
