import type { LoggedEntry } from '../../read/logged-entry.ts'
import { type Words, wordsOf } from '../language/words.ts'
import { changesOf, isPartOfChange } from '../../timeline/changes.ts'
import { describedSentence } from './described.ts'
import { aboutOf, keepingSentence } from './keeping-sentences.ts'
import { dropSentence, gapSentence } from './loss-sentences.ts'
import { inBrief, shortened, shortId, visible } from './plain-text.ts'
import {
  actorParts,
  namePart,
  type NameOf,
  type SentencePart,
  sentenceParts,
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
 * @param words the language. Names of things stay as the application has them.
 */
export function sentenceOf(
  entry: LoggedEntry,
  nameOf: NameOf = () => undefined,
  said?: string,
  words: Words = wordsOf('en'),
): SentencePart[] {
  if (entry.action === 'audit.gap') return gapSentence(entry, words)
  if (entry.action === 'audit.drop') return dropSentence(entry, words)
  if (entry.action === 'audit.read') return readSentence(entry, nameOf, words)
  if (entry.action === 'audit.read_denied') return deniedSentence(entry, words)
  if (entry.action === 'audit.view_save' || entry.action === 'audit.view_remove') {
    return viewSentence(entry, nameOf, words)
  }
  const kept = keepingSentence(entry, words)
  if (kept !== undefined) return kept
  if (said !== undefined) return describedSentence(entry, said, nameOf, words)
  return [...whatWasDone(entry, nameOf, words), ...details(entry, words)]
}

function whatWasDone(entry: LoggedEntry, nameOf: NameOf, words: Words): SentencePart[] {
  const isEnglish = words.language === 'en'
  const known = actorParts(entry, nameOf, words)
  const who = known ?? [textPart(words.say('somebody'))]
  const action = visible(entry.action)
  const { verb: english, thing } = splitAction(action)
  if (thing === undefined) {
    // The action has not the form `entity.verb`.
    return sentenceParts(words, 'noEntity', { who, action: [namePart(action)] })
  }
  if (english === '') return sentenceParts(words, 'noVerb', { who, thing })
  const object = objectParts(entry, thing, nameOf, words)
  const isIntransitive = INTRANSITIVE.has(pastTense(english))
  const isAlone = isIntransitive && entry.targetId === null
  // "Ada signed in the session": the other languages have no such verb with an object.
  const verb = isIntransitive && !isAlone && !isEnglish ? undefined : verbIn(words, english)
  if (verb === undefined) return sentenceParts(words, 'unknownVerb', { who, verb: english, object })
  if (entry.outcome !== null) {
    // "Ada tried to delete the venue: denied". Nothing that did not happen is told as if it had.
    const { infinitive: what } = verb
    if (isAlone) return sentenceParts(words, 'triedAlone', { who, verb: what })
    return sentenceParts(words, 'tried', { who, verb: what, object })
  }
  const { past } = verb
  if (isAlone && (known || !isEnglish)) return sentenceParts(words, 'didAlone', { who, verb: past })
  if (isEnglish && hasObjectInside(past)) {
    const place = [textPart(thing), ...targetParts(entry, nameOf, words)]
    return sentenceParts(words, 'didIn', { who, verb: past, object: place })
  }
  if (known) return sentenceParts(words, 'did', { who, verb: past, object })
  return capitalised(
    sentenceParts(words, 'wasDone', { verb: isEnglish ? participle(past) : past, object }),
  )
}

/** "got object in s3", but "checked in the guest". */
function hasObjectInside(past: string): boolean {
  return /^\S+ (?!(?:in|out|up|off|on|down|over|back|through)$)/.test(past)
}

function verbIn(words: Words, english: string) {
  if (words.language === 'en') return { infinitive: infinitive(english), past: pastTense(english) }
  const found = words.verb(english)
  return found && { infinitive: found[0], past: found[1] }
}

function splitAction(action: string): { verb: string; thing: string | undefined } {
  const dot = action.lastIndexOf('.')
  const entity = splitWords(action.slice(0, Math.max(dot, 0)))
  if (dot < 1 || entity === '') return { verb: '', thing: undefined }
  return {
    verb: splitWords(action.slice(dot + 1)),
    thing: shortened(entity, MAX_VALUE_LENGTH),
  }
}

function objectParts(
  entry: LoggedEntry,
  thing: string,
  nameOf: NameOf,
  words: Words,
): SentencePart[] {
  const type = entry.entityType ? splitWords(shortened(entry.entityType, MAX_VALUE_LENGTH)) : thing
  const isItself = type === thing || type === ''
  const name = nameIn(entry.metadata, entry.action)
  const quoted = name
    ? [textPart(' '), namePart(words.say('quoted', { text: shortened(name, MAX_VALUE_LENGTH) }))]
    : []
  const target = targetParts(entry, nameOf, words)
  if (isItself)
    return [
      textPart(target.length ? thing : words.say('theThing', { thing })),
      ...quoted,
      ...target,
    ]
  return [
    textPart(words.say('theThing', { thing })),
    ...quoted,
    ...(target.length ? [textPart(words.say('ofType', { type })), ...target] : []),
  ]
}

function targetParts(
  { targetId, eventId, moreTargets }: LoggedEntry,
  nameOf: NameOf,
  words: Words,
): SentencePart[] {
  const others = moreTargets === null ? 0 : moreTargets.length
  if (targetId === null) return others === 0 ? [] : [textPart(words.count('ofTargets', others))]
  const kind = targetId === eventId ? 'event' : 'target'
  const first = { kind, id: targetId, text: nameOf(targetId) ?? shortId(targetId) } as const
  return [textPart(' '), first, ...(others === 0 ? [] : [textPart(words.count('andMore', others))])]
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
function details(entry: LoggedEntry, words: Words): SentencePart[] {
  const nothing = words.say('nothing')
  const { outcome } = entry
  const changes = changesOf(entry.metadata)
  const end = outcome === null ? [] : [textPart(words.say('colon') + words.say(outcome))]
  const told = changes
    .slice(0, MAX_DETAILS)
    .flatMap(({ path, from, to }, at): SentencePart[] => [
      textPart(at === 0 && outcome === null ? words.say('colon') : ', '),
      ...(path === ''
        ? []
        : [{ kind: 'field', text: `${shortened(path, MAX_VALUE_LENGTH)} ` } as const]),
      { kind: 'from', text: inBrief(from, MAX_VALUE_LENGTH, nothing) },
      textPart(' → '),
      { kind: 'to', text: inBrief(to, MAX_VALUE_LENGTH, nothing) },
    ])
  const more = changes.length - MAX_DETAILS
  if (more > 0) told.push(textPart(words.count('andMore', more)))
  const entity = entry.action.slice(0, entry.action.lastIndexOf('.'))
  const asides = Object.entries(entry.metadata)
    .filter(([key, value]) => !isPartOfChange(key, value, entry.metadata))
    .filter(([key, value]) => isPlain(value) && key !== entity && !SHOWN_AS_NAME.has(key))
    .slice(0, Math.max(0, MAX_DETAILS - changes.length))
    .map(
      ([key, value]) =>
        `${shortened(key, MAX_VALUE_LENGTH)} ${inBrief(value, MAX_VALUE_LENGTH, nothing)}`,
    )
  if (asides.length > 0) told.push({ kind: 'aside', text: ` — ${asides.join(', ')}` })
  return [...end, ...told]
}

function readSentence(entry: LoggedEntry, nameOf: NameOf, words: Words): SentencePart[] {
  const who = actorParts(entry, nameOf, words) ?? [textPart(words.say('somebody'))]
  const nothing = words.say('nothing')
  const filter = Object.entries(Object(entry.metadata['filter']))
    .slice(0, MAX_DETAILS * 2)
    .map(([key, value]) => {
      return `${shortened(key, MAX_VALUE_LENGTH)} ${inBrief(value, MAX_VALUE_LENGTH, nothing)}`
    })
  const aside = filter.length > 0 ? ` — ${filter.join(', ')}` : ''
  return [...whatWasRead(entry, who, words, nameOf), { kind: 'aside', text: aside }]
}

function viewSentence(entry: LoggedEntry, nameOf: NameOf, words: Words): SentencePart[] {
  const who = actorParts(entry, nameOf, words) ?? [textPart(words.say('somebody'))]
  const text = shortened(textIn(entry.metadata, 'view') ?? '?', MAX_VALUE_LENGTH)
  const name = [namePart(words.say('quoted', { text }))]
  const key = entry.action === 'audit.view_save' ? 'viewShared' : 'viewRemoved'
  return sentenceParts(words, key, { who, name })
}

function deniedSentence({ metadata }: LoggedEntry, words: Words): SentencePart[] {
  const { leftOut } = metadata
  if (typeof leftOut === 'number') return [textPart(words.count('keptOutTimes', leftOut))]
  const reason = shortened(textIn(metadata, 'reason') ?? words.say('noReason'), MAX_VALUE_LENGTH)
  return [textPart(words.say('keptOut')), { kind: 'aside', text: ` — ${reason}` }]
}

function whatWasRead(
  { metadata }: LoggedEntry,
  who: readonly SentencePart[],
  words: Words,
  nameOf: NameOf,
): SentencePart[] {
  const read = textIn(metadata, 'read')
  const id = textIn(metadata, 'history')
  if (read === 'history' && id !== undefined) {
    const target = { kind: 'target', id, text: nameOf(id) ?? shortId(id) } as const
    return sentenceParts(words, 'readHistory', { who, target: [target] })
  }
  if (read === 'export') {
    const format = shortened(textIn(metadata, 'format') ?? words.say('aFile'), MAX_VALUE_LENGTH)
    return sentenceParts(words, 'readExport', { who, what: aboutOf(metadata, words), format })
  }
  if (read === 'live' || read === 'stream') return sentenceParts(words, 'readLive', { who })
  if (read === 'histogram') return sentenceParts(words, 'readCount', { who })
  if (read === 'entry') return sentenceParts(words, 'readEntry', { who })
  return sentenceParts(words, 'readLog', { who })
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
