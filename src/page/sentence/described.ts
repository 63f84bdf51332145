import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { Words } from '../language/words.ts'
import { shortened, shortId } from './plain-text.ts'
import { actorParts, type NameOf, type SentencePart, textPart } from './sentence-parts.ts'

const MAX_SENTENCE_LENGTH = 300

/**
 * The sentence of a catalogue's `describe`. The entry's ids in it become links with names. Where it
 * does not name the user, they come first, so that no row hides who did it.
 */
export function describedSentence(
  entry: LoggedEntry,
  said: string,
  nameOf: NameOf,
  words: Words,
): SentencePart[] {
  const text = withOutcome(shortened(said, MAX_SENTENCE_LENGTH), entry, words)
  const who = actorParts(entry, nameOf, words)
  const known = idsOf(entry, nameOf, who)
  // The longest first, because one text id may be the beginning of another.
  const ids = [...known.keys()].sort((a, b) => b.length - a.length).map(escaped)
  if (ids.length === 0) return who ? [...who, textPart(` · ${text}`)] : [textPart(text)]
  const pieces = text.split(new RegExp(`(${ids.join('|')})`))
  const parts = pieces.flatMap((piece) => known.get(piece) ?? (piece === '' ? [] : textPart(piece)))
  const namesUser = entry.userId !== null && pieces.includes(entry.userId)
  return namesUser || who === undefined ? parts : [...who, textPart(' · '), ...parts]
}

/** A sentence of what was done may not tell that it happened where it did not. */
function withOutcome(said: string, { outcome }: LoggedEntry, words: Words): string {
  if (outcome === null) return said
  const word = words.say(outcome)
  const isTold = [word, outcome].some((one) => said.toLowerCase().includes(one.toLowerCase()))
  return isTold ? said : `${said}${words.say('colon')}${word}`
}

function idsOf(
  { userId, targetId, eventId }: LoggedEntry,
  nameOf: NameOf,
  who: readonly SentencePart[] | undefined,
): ReadonlyMap<string, readonly SentencePart[]> {
  const parts = new Map<string, readonly SentencePart[]>()
  for (const [kind, id] of [['event', eventId] as const, ['target', targetId] as const]) {
    if (id !== null) parts.set(id, [{ kind, id, text: nameOf(id) ?? shortId(id) }])
  }
  if (userId !== null && who !== undefined) parts.set(userId, who)
  return parts
}

function escaped(text: string): string {
  return text.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}
