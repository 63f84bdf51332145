import type { LoggedEntry } from '../../read/logged-entry.ts'
import { shortened, shortId } from './plain-text.ts'
import { namePart, type SentencePart, textIn, textPart } from './sentence-parts.ts'

const MAX_VALUE_LENGTH = 48

type Told = (entry: LoggedEntry) => string

/** What was done by policies, holds, retention, archives, imports and erasures. */
const DONE: ReadonlyMap<string, Told> = new Map<string, Told>([
  ['audit.policy', policyChange],
  ['audit.hold', (entry) => `placed a hold: ${word(entry, 'reason')}`],
  ['audit.hold_release', (entry) => `released a hold: ${word(entry, 'reason')}`],
  [
    'audit.retention',
    (entry) => `removed ${entries(entry, 'removed')} of ${word(entry, 'partition')} by policy`,
  ],
  [
    'audit.retention_undo',
    (entry) =>
      `took back the removal of ${entries(entry, 'broughtBack')} of ${word(entry, 'partition')}`,
  ],
  [
    'audit.archive_restore',
    (entry) =>
      `brought ${entries(entry, 'broughtBack')} of ${word(entry, 'partition')} back from an archive`,
  ],
  ['audit.key_rotate', (entry) => `replaced the key of the seal: ${word(entry, 'reason')}`],
  [
    'audit.erase',
    (entry) => `erased fields of ${entries(entry, 'entries')}: ${word(entry, 'reason')}`,
  ],
  ['audit.import', importState],
])

/** Undefined where the entry is about something else. The login did it: there is no user. */
export function keepingSentence(entry: LoggedEntry): SentencePart[] | undefined {
  const done = DONE.get(entry.action)
  if (done === undefined) return undefined
  const login = entry.writtenBy
  const who = login ? namePart(shortened(login, MAX_VALUE_LENGTH)) : textPart('Somebody')
  return [who, textPart(` ${done(entry)}`)]
}

function policyChange(entry: LoggedEntry): string {
  const actions = word(entry, 'actions')
  const keep = textIn(entry.metadata, 'keep')
  const change = textIn(entry.metadata, 'change')
  if (change === 'removed') return `removed the policy of ${actions}`
  if (change === 'taken back') return `took back a change of the policy of ${actions}`
  const howLong = keep === undefined ? 'for ever' : `for ${shortened(keep, MAX_VALUE_LENGTH)}`
  return `set a policy: ${actions} is kept ${howLong}`
}

function importState(entry: LoggedEntry): string {
  const name = `the import ${word(entry, 'name')}`
  const state = textIn(entry.metadata, 'state')
  if (state === 'begun') return `began ${name}`
  if (state === 'resumed') return `went on with ${name}`
  return `ended ${name}: ${entries(entry, 'logged')} logged`
}

function entries({ metadata }: LoggedEntry, key: string): string {
  const count = metadata[key]
  if (typeof count !== 'number') return 'entries'
  return count === 1 ? '1 entry' : `${count.toLocaleString('en')} entries`
}

function word({ metadata }: LoggedEntry, key: string): string {
  const text = textIn(metadata, key)
  return text === undefined || text === '' ? '?' : shortened(text, MAX_VALUE_LENGTH)
}

/** `about`, of an export of all that names a user. */
export function aboutOf(metadata: LoggedEntry['metadata']): string {
  const about = textIn(metadata, 'about')
  return about === undefined ? 'the log' : `what names ${shortId(about)}`
}
