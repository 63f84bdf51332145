import type { LoggedEntry } from '../../read/logged-entry.ts'
import { shortId } from './plain-text.ts'

/** A piece of a sentence. What an id stands for may become a link that filters by it. */
export type Piece =
  | { readonly kind: 'text' | 'name' | 'field' | 'from' | 'to' | 'aside'; readonly text: string }
  | { readonly kind: 'user' | 'target' | 'event'; readonly text: string; readonly id: string }

/** A name for an id, where somebody knows one. */
export type NameOf = (id: string) => string | undefined

/** Who did it, as far as the entry says. */
export function whoPieces(entry: LoggedEntry, nameOf: NameOf): Piece[] | undefined {
  const impersonator =
    textIn(entry.context, 'impersonatorId') ?? textIn(entry.context, 'impersonator')
  // Whoever acts in another's name comes first: it is they who did it.
  const acting = impersonator
    ? [named(nameOf(impersonator) ?? idOrText(impersonator)), text(' as ')]
    : []
  if (entry.userId) {
    const id = entry.userId
    return [...acting, { kind: 'user', id, text: nameOf(id) ?? shortId(id) }]
  }
  // An id that is none of ours: another system's name for its user.
  const given = textIn(entry.context['invalid'], 'userId') ?? textIn(entry.context, 'viewer')
  return given ? [...acting, named(idOrText(given))] : undefined
}

/** The end of a path or an ARN is the part that tells users apart. */
function idOrText(given: string): string {
  return shortId(given.split('/').at(-1) || given)
}

/** The text of that name in an object, unless it is blank. */
export function textIn(value: unknown, key: string): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
  const found: unknown = Reflect.get(value, key)
  return typeof found === 'string' && found.trim() !== '' ? found : undefined
}

export function text(words: string): Piece {
  return { kind: 'text', text: words }
}

export function named(words: string): Piece {
  return { kind: 'name', text: words }
}
