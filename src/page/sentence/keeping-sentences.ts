import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { Words } from '../language/words.ts'
import { shortened, shortId } from './plain-text.ts'
import { namePart, type SentencePart, sentenceParts, textIn, textPart } from './sentence-parts.ts'

const MAX_VALUE_LENGTH = 48

type Told = (who: readonly SentencePart[], entry: LoggedEntry, words: Words) => SentencePart[]

/** What was done by policies, holds, retention, archives, imports and erasures. */
const DONE: ReadonlyMap<string, Told> = new Map<string, Told>([
  ['audit.policy', policyChange],
  ['audit.hold', (who, entry, words) => sentenceParts(words, 'holdPlaced', { who, ...why(entry) })],
  [
    'audit.hold_release',
    (who, entry, words) => sentenceParts(words, 'holdReleased', { who, ...why(entry) }),
  ],
  ['audit.retention', (...told) => partition('removed', 'removed', ...told)],
  ['audit.retention_undo', (...told) => partition('removalUndone', 'broughtBack', ...told)],
  ['audit.archive_restore', (...told) => partition('broughtBack', 'broughtBack', ...told)],
  [
    'audit.key_rotate',
    (who, entry, words) => sentenceParts(words, 'keyReplaced', { who, ...why(entry) }),
  ],
  [
    'audit.erase',
    (who, entry, words) => {
      const erased = { entries: entries(entry, 'entries', words), ...why(entry) }
      return sentenceParts(words, 'fieldsErased', { who, ...erased })
    },
  ],
  ['audit.import', importState],
  [
    'audit.token',
    (who, entry, words) => {
      const isMade = textIn(entry.metadata, 'change') === 'made'
      const name = word(entry, 'name')
      return sentenceParts(words, isMade ? 'tokenMade' : 'tokenRevoked', { who, name })
    },
  ],
])

/** Undefined where the entry is about something else. The login did it: there is no user. */
export function keepingSentence(entry: LoggedEntry, words: Words): SentencePart[] | undefined {
  const done = DONE.get(entry.action)
  if (done === undefined) return undefined
  const login = entry.writtenBy
  const who = login ? namePart(shortened(login, MAX_VALUE_LENGTH)) : textPart(words.say('somebody'))
  return done([who], entry, words)
}

function partition(
  key: 'removed' | 'removalUndone' | 'broughtBack',
  counted: string,
  ...[who, entry, words]: Parameters<Told>
): SentencePart[] {
  const what = { entries: entries(entry, counted, words), partition: word(entry, 'partition') }
  return sentenceParts(words, key, { who, ...what })
}

function policyChange(...[who, entry, words]: Parameters<Told>): SentencePart[] {
  const actions = word(entry, 'actions')
  const keep = textIn(entry.metadata, 'keep')
  const change = textIn(entry.metadata, 'change')
  if (change === 'removed') return sentenceParts(words, 'policyRemoved', { who, actions })
  if (change === 'taken back') return sentenceParts(words, 'policyUndone', { who, actions })
  if (keep === undefined) return sentenceParts(words, 'policyForEver', { who, actions })
  const time = shortened(keep, MAX_VALUE_LENGTH)
  return sentenceParts(words, 'policyFor', { who, actions, time })
}

function importState(...[who, entry, words]: Parameters<Told>): SentencePart[] {
  const name = word(entry, 'name')
  const state = textIn(entry.metadata, 'state')
  if (state === 'begun') return sentenceParts(words, 'importBegun', { who, name })
  if (state === 'resumed') return sentenceParts(words, 'importResumed', { who, name })
  const logged = entries(entry, 'logged', words)
  return sentenceParts(words, 'importEnded', { who, name, entries: logged })
}

function entries({ metadata }: LoggedEntry, key: string, words: Words): string {
  const count = metadata[key]
  return typeof count === 'number' ? words.count('entries', count) : words.say('someEntries')
}

function why(entry: LoggedEntry) {
  return { reason: word(entry, 'reason') }
}

function word({ metadata }: LoggedEntry, key: string): string {
  const text = textIn(metadata, key)
  return text === undefined || text === '' ? '?' : shortened(text, MAX_VALUE_LENGTH)
}

/** `about`, of an export of all that names a user. */
export function aboutOf(metadata: LoggedEntry['metadata'], words: Words): string {
  const about = textIn(metadata, 'about')
  return about === undefined ? words.say('theLog') : words.say('whatNames', { id: shortId(about) })
}
