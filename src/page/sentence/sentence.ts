import type { LoggedEntry } from '../../read/logged-entry.ts'
import { changesOf, isToldByChanges } from './changes.ts'
import { inBrief, shortened, shortId, visible } from './plain-text.ts'
import { dropSentence, gapSentence } from './loss-sentences.ts'
import { named, type NameOf, type Piece, text, textIn, whoPieces } from './sentence-parts.ts'
import { inWords, pastTense } from './verbs.ts'

const MAX_VALUE = 48
const MAX_NAMED = 3
/** Said of somebody, and of nothing else. */
const ALONE = new Set(['logged in', 'logged out', 'signed in', 'signed out', 'signed up'])
const UNFIT_AS_ASIDE = new Set(['name', 'title', 'label'])

/**
 * An entry as a person would say it: "4f1c7e88 updated the branding: primaryColor #1d4ed8 →
 * #be123c". Pure, and total: whatever an entry holds, something true is said. Where nobody is named
 * as the one who did it, nobody is made up: "The branding was updated".
 */
export function sentenceOf(entry: LoggedEntry, nameOf: NameOf = () => undefined): Piece[] {
  if (entry.action === 'audit.gap') return gapSentence(entry)
  if (entry.action === 'audit.drop') return dropSentence(entry)
  if (entry.action === 'audit.read') return readSentence(entry, nameOf)
  const who = whoPieces(entry, nameOf)
  const action = visible(entry.action)
  const { deed, thing } = actionInWords(action)
  if (thing === undefined) {
    // No `entity.verb`: quoted as it is.
    return [...(who ?? [text('Somebody')]), text(' did '), named(action), ...details(entry)]
  }
  if (deed === '') {
    return [...(who ?? [text('Somebody')]), text(` · ${thing}`), ...details(entry)]
  }
  if (who && ALONE.has(deed) && entry.targetId === null) {
    return [...who, text(` ${deed}`), ...details(entry)]
  }
  // "got object in s3", but "checked in the guest".
  if (/^\S+ (?!(?:in|out|up|off|on|down|over|back|through)$)/.test(deed)) {
    const object = [text(` in ${thing}`), ...targetPieces(entry, nameOf)]
    return [...(who ?? [text('Somebody')]), text(` ${deed}`), ...object, ...details(entry)]
  }
  const object = objectPieces(entry, thing, nameOf)
  if (who) return [...who, text(` ${deed} `), ...object, ...details(entry)]
  return [...capitalised(object), text(` was ${participle(deed)}`), ...details(entry)]
}

/** The sentence as a line of text. */
export function plainSentence(pieces: readonly Piece[]): string {
  return pieces.map(({ text }) => text).join('')
}

function actionInWords(action: string): { deed: string; thing: string | undefined } {
  const dot = action.lastIndexOf('.')
  const entity = inWords(action.slice(0, Math.max(dot, 0)))
  if (dot < 1 || entity === '') return { deed: '', thing: undefined }
  return { deed: pastTense(inWords(action.slice(dot + 1))), thing: shortened(entity, MAX_VALUE) }
}

function objectPieces(entry: LoggedEntry, thing: string, nameOf: NameOf): Piece[] {
  const type = entry.entityType ? inWords(shortened(entry.entityType, MAX_VALUE)) : thing
  const isItself = type === thing || type === ''
  const name = nameIn(entry.metadata, entry.action)
  const quoted = name ? [text(' '), named(`“${shortened(name, MAX_VALUE)}”`)] : []
  const target = targetPieces(entry, nameOf)
  if (isItself) return [text(target.length ? thing : `the ${thing}`), ...quoted, ...target]
  return [
    text(`the ${thing}`),
    ...quoted,
    ...(target.length ? [text(` of ${type}`), ...target] : []),
  ]
}

function targetPieces({ targetId, eventId }: LoggedEntry, nameOf: NameOf): Piece[] {
  if (targetId === null) return []
  const kind = targetId === eventId ? 'event' : 'target'
  return [text(' '), { kind, id: targetId, text: nameOf(targetId) ?? shortId(targetId) }]
}

/** `{ guest: 'Noor' }` of `guest.check_in`, or what calls itself a name. */
function nameIn(metadata: LoggedEntry['metadata'], action: string): string | undefined {
  const entity = action.slice(0, action.lastIndexOf('.'))
  for (const key of [entity, 'name', 'title', 'label']) {
    const name = textIn(metadata, key)
    if (name) return name
  }
  return undefined
}

/** What was changed; else a few plain facts, so that two rows of one action can be told apart. */
function details(entry: LoggedEntry): Piece[] {
  const changes = changesOf(entry.metadata)
  const told = changes
    .slice(0, MAX_NAMED)
    .flatMap(({ path, from, to }, at): Piece[] => [
      text(at === 0 ? ': ' : ', '),
      ...(path === '' ? [] : [{ kind: 'field', text: `${shortened(path, MAX_VALUE)} ` } as const]),
      { kind: 'from', text: inBrief(from, MAX_VALUE) },
      text(' → '),
      { kind: 'to', text: inBrief(to, MAX_VALUE) },
    ])
  const more = changes.length - MAX_NAMED
  if (more > 0) told.push(text(` and ${more} more`))
  const entity = entry.action.slice(0, entry.action.lastIndexOf('.'))
  const asides = Object.entries(entry.metadata)
    .filter(([key, value]) => !isToldByChanges(key, value, entry.metadata))
    .filter(([key, value]) => isPlain(value) && key !== entity && !UNFIT_AS_ASIDE.has(key))
    .slice(0, Math.max(0, MAX_NAMED - changes.length))
    .map(([key, value]) => `${shortened(key, MAX_VALUE)} ${inBrief(value, MAX_VALUE)}`)
  if (asides.length > 0) told.push({ kind: 'aside', text: ` — ${asides.join(', ')}` })
  return told
}

function readSentence(entry: LoggedEntry, nameOf: NameOf): Piece[] {
  const who = whoPieces(entry, nameOf) ?? [text('Somebody')]
  const read = textIn(entry.metadata, 'read')
  const what =
    read === 'export'
      ? `exported the log as ${shortened(textIn(entry.metadata, 'format') ?? 'a file', MAX_VALUE)}`
      : read === 'live'
        ? 'watched the log live'
        : read === 'entry'
          ? 'looked into an entry of the log'
          : 'read the log'
  const filter = Object.entries(Object(entry.metadata['filter']))
    .slice(0, MAX_NAMED * 2)
    .map(([key, value]) => `${shortened(key, MAX_VALUE)} ${inBrief(value, MAX_VALUE)}`)
  const aside = filter.length > 0 ? ` — ${filter.join(', ')}` : ''
  return [...who, text(` ${what}`), { kind: 'aside', text: aside }]
}

/** The past tense of these is no participle: "the entry was began" is no English. */
const PARTICIPLES: Readonly<Record<string, string>> = {
  ...{ began: 'begun', chose: 'chosen', did: 'done', drew: 'drawn', forgot: 'forgotten' },
  ...{ gave: 'given', hid: 'hidden', overwrote: 'overwritten', ran: 'run', saw: 'seen' },
  ...{ showed: 'shown', took: 'taken', undid: 'undone', went: 'gone', withdrew: 'withdrawn' },
  wrote: 'written',
}

function participle(deed: string): string {
  const [verb = '', ...rest] = deed.split(' ')
  return [Object.hasOwn(PARTICIPLES, verb) ? PARTICIPLES[verb] : verb, ...rest].join(' ')
}

function capitalised([first, ...rest]: readonly Piece[]): Piece[] {
  if (first === undefined) return []
  const [letter = '', ...others] = Array.from(first.text)
  return [{ ...first, text: letter.toUpperCase() + others.join('') }, ...rest]
}

function isPlain(value: unknown): boolean {
  return value !== null && value !== '' && typeof value !== 'object'
}
