import type { LoggedEntry } from '../../read/logged-entry.ts'
import { changesOf, isPartOfChange } from './changes.ts'
import { describedSentence } from './described.ts'
import { aboutOf, keepingSentence } from './keeping-sentences.ts'
import { dropSentence, gapSentence } from './loss-sentences.ts'
import { inBrief, shortened, shortId, visible } from './plain-text.ts'
import {
  actorParts,
  namePart,
  type NameOf,
  type SentencePart,
  textIn,
  textPart,
} from './sentence-parts.ts'
import { infinitive, pastTense, splitWords } from './verbs.ts'

const MAX_VALUE_LENGTH = 48
const MAX_DETAILS = 3
/** These need no object: "Ada logged in". */
const INTRANSITIVE = new Set(['logged in', 'logged out', 'signed in', 'signed out', 'signed up'])
const SHOWN_AS_NAME = new Set(['name', 'title', 'label'])

/**
 * An entry as a sentence: the one of the application's catalogue, else "4f1c7e88 updated the branding: primaryColor #1d4ed8 → #be123c", or,
 * where the entry does not say who did it, "The branding was updated". It never throws for any
 * entry.
 *
 * @param said what the catalogue says about the entry; undefined where it says nothing
 */
export function sentenceOf(
  entry: LoggedEntry,
  nameOf: NameOf = () => undefined,
  said?: string,
): SentencePart[] {
  if (entry.action === 'audit.gap') return gapSentence(entry)
  if (entry.action === 'audit.drop') return dropSentence(entry)
  if (entry.action === 'audit.read') return readSentence(entry, nameOf)
  if (entry.action === 'audit.read_denied') return deniedSentence(entry)
  const kept = keepingSentence(entry)
  if (kept !== undefined) return kept
  if (said !== undefined) return describedSentence(entry, said, nameOf)
  const who = actorParts(entry, nameOf)
  const action = visible(entry.action)
  const { words, thing } = splitAction(action)
  const verb = pastTense(words)
  if (thing === undefined) {
    // The action has not the form `entity.verb`.
    return [
      ...(who ?? [textPart('Somebody')]),
      textPart(' did '),
      namePart(action),
      ...details(entry),
    ]
  }
  if (verb === '') {
    return [...(who ?? [textPart('Somebody')]), textPart(` · ${thing}`), ...details(entry)]
  }
  if (entry.outcome !== null) return unfinished(entry, { who, words, thing }, nameOf)
  if (who && INTRANSITIVE.has(verb) && entry.targetId === null) {
    return [...who, textPart(` ${verb}`), ...details(entry)]
  }
  // "got object in s3", but "checked in the guest".
  if (/^\S+ (?!(?:in|out|up|off|on|down|over|back|through)$)/.test(verb)) {
    const object = [textPart(` in ${thing}`), ...targetParts(entry, nameOf)]
    return [...(who ?? [textPart('Somebody')]), textPart(` ${verb}`), ...object, ...details(entry)]
  }
  const object = objectParts(entry, thing, nameOf)
  if (who) return [...who, textPart(` ${verb} `), ...object, ...details(entry)]
  return [...capitalised(object), textPart(` was ${participle(verb)}`), ...details(entry)]
}

/** "Ada tried to delete the venue: denied". Nothing that did not happen is told as if it had. */
function unfinished(
  entry: LoggedEntry,
  { who, words, thing }: { who: SentencePart[] | undefined; words: string; thing: string },
  nameOf: NameOf,
): SentencePart[] {
  const tried = [...(who ?? [textPart('Somebody')]), textPart(` tried to ${infinitive(words)}`)]
  if (INTRANSITIVE.has(pastTense(words)) && entry.targetId === null) {
    return [...tried, ...details(entry)]
  }
  return [...tried, textPart(' '), ...objectParts(entry, thing, nameOf), ...details(entry)]
}

function splitAction(action: string): { words: string; thing: string | undefined } {
  const dot = action.lastIndexOf('.')
  const entity = splitWords(action.slice(0, Math.max(dot, 0)))
  if (dot < 1 || entity === '') return { words: '', thing: undefined }
  return {
    words: splitWords(action.slice(dot + 1)),
    thing: shortened(entity, MAX_VALUE_LENGTH),
  }
}

function objectParts(entry: LoggedEntry, thing: string, nameOf: NameOf): SentencePart[] {
  const type = entry.entityType ? splitWords(shortened(entry.entityType, MAX_VALUE_LENGTH)) : thing
  const isItself = type === thing || type === ''
  const name = nameIn(entry.metadata, entry.action)
  const quoted = name ? [textPart(' '), namePart(`“${shortened(name, MAX_VALUE_LENGTH)}”`)] : []
  const target = targetParts(entry, nameOf)
  if (isItself) return [textPart(target.length ? thing : `the ${thing}`), ...quoted, ...target]
  return [
    textPart(`the ${thing}`),
    ...quoted,
    ...(target.length ? [textPart(` of ${type}`), ...target] : []),
  ]
}

function targetParts(
  { targetId, eventId, moreTargets }: LoggedEntry,
  nameOf: NameOf,
): SentencePart[] {
  const others = moreTargets === null ? 0 : moreTargets.length
  if (targetId === null) return others === 0 ? [] : [textPart(` of ${others} targets`)]
  const kind = targetId === eventId ? 'event' : 'target'
  const first = { kind, id: targetId, text: nameOf(targetId) ?? shortId(targetId) } as const
  return [textPart(' '), first, ...(others === 0 ? [] : [textPart(` and ${others} more`)])]
}

/**
 * The name of the object: `guest` in the metadata of `guest.check_in`, or a field such as `name`.
 */
function nameIn(metadata: LoggedEntry['metadata'], action: string): string | undefined {
  const entity = action.slice(0, action.lastIndexOf('.'))
  for (const key of [entity, 'name', 'title', 'label']) {
    const name = textIn(metadata, key)
    if (name) return name
  }
  return undefined
}

/** What was changed, then plain values, so that two rows with the same action differ. */
function details(entry: LoggedEntry): SentencePart[] {
  const { outcome } = entry
  const changes = changesOf(entry.metadata)
  const end = outcome === null ? [] : [textPart(`: ${outcome}`)]
  const told = changes
    .slice(0, MAX_DETAILS)
    .flatMap(({ path, from, to }, at): SentencePart[] => [
      textPart(at === 0 && outcome === null ? ': ' : ', '),
      ...(path === ''
        ? []
        : [{ kind: 'field', text: `${shortened(path, MAX_VALUE_LENGTH)} ` } as const]),
      { kind: 'from', text: inBrief(from, MAX_VALUE_LENGTH) },
      textPart(' → '),
      { kind: 'to', text: inBrief(to, MAX_VALUE_LENGTH) },
    ])
  const more = changes.length - MAX_DETAILS
  if (more > 0) told.push(textPart(` and ${more} more`))
  const entity = entry.action.slice(0, entry.action.lastIndexOf('.'))
  const asides = Object.entries(entry.metadata)
    .filter(([key, value]) => !isPartOfChange(key, value, entry.metadata))
    .filter(([key, value]) => isPlain(value) && key !== entity && !SHOWN_AS_NAME.has(key))
    .slice(0, Math.max(0, MAX_DETAILS - changes.length))
    .map(
      ([key, value]) => `${shortened(key, MAX_VALUE_LENGTH)} ${inBrief(value, MAX_VALUE_LENGTH)}`,
    )
  if (asides.length > 0) told.push({ kind: 'aside', text: ` — ${asides.join(', ')}` })
  return [...end, ...told]
}

function readSentence(entry: LoggedEntry, nameOf: NameOf): SentencePart[] {
  const who = actorParts(entry, nameOf) ?? [textPart('Somebody')]
  const what = whatWasRead(entry)
  const filter = Object.entries(Object(entry.metadata['filter']))
    .slice(0, MAX_DETAILS * 2)
    .map(
      ([key, value]) => `${shortened(key, MAX_VALUE_LENGTH)} ${inBrief(value, MAX_VALUE_LENGTH)}`,
    )
  const aside = filter.length > 0 ? ` — ${filter.join(', ')}` : ''
  return [...who, textPart(` ${what}`), { kind: 'aside', text: aside }]
}

function deniedSentence({ metadata }: LoggedEntry): SentencePart[] {
  const { leftOut } = metadata
  if (typeof leftOut === 'number') {
    const times = `${leftOut} ${leftOut === 1 ? 'time' : 'times'}`
    return [textPart(`Somebody was kept from reading the log ${times} more`)]
  }
  const reason = shortened(textIn(metadata, 'reason') ?? 'for no known reason', MAX_VALUE_LENGTH)
  return [
    textPart('Somebody was kept from reading the log'),
    { kind: 'aside', text: ` — ${reason}` },
  ]
}

function whatWasRead({ metadata }: LoggedEntry): string {
  const read = textIn(metadata, 'read')
  const format = shortened(textIn(metadata, 'format') ?? 'a file', MAX_VALUE_LENGTH)
  if (read === 'export') return `exported ${aboutOf(metadata)} as ${format}`
  if (read === 'live' || read === 'stream') return 'watched the log live'
  if (read === 'histogram') return 'counted entries of the log'
  if (read === 'entry') return 'opened an entry of the log'
  return 'read the log'
}

/** Participles that differ from the past tense: "the entry was begun". */
const PARTICIPLES: Readonly<Record<string, string>> = {
  began: 'begun',
  chose: 'chosen',
  did: 'done',
  drew: 'drawn',
  forgot: 'forgotten',
  gave: 'given',
  hid: 'hidden',
  overwrote: 'overwritten',
  ran: 'run',
  saw: 'seen',
  showed: 'shown',
  took: 'taken',
  undid: 'undone',
  went: 'gone',
  withdrew: 'withdrawn',
  wrote: 'written',
}

function participle(past: string): string {
  const [verb = '', ...rest] = past.split(' ')
  return [Object.hasOwn(PARTICIPLES, verb) ? PARTICIPLES[verb] : verb, ...rest].join(' ')
}

function capitalised([first, ...rest]: readonly SentencePart[]): SentencePart[] {
  if (first === undefined) return []
  const [letter = '', ...others] = Array.from(first.text)
  return [{ ...first, text: letter.toUpperCase() + others.join('') }, ...rest]
}

function isPlain(value: unknown): boolean {
  return value !== null && value !== '' && typeof value !== 'object'
}
