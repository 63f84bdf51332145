import assert from 'node:assert/strict'
import { test } from 'node:test'
import { defineActions } from '../src/actions/define-actions.ts'
import { LANGUAGES } from '../src/actions/language.ts'
import { entrySentence } from '../src/page/index.ts'
import { ENGLISH, type TextKey } from '../src/page/language/texts.ts'
import { wordsOf } from '../src/page/language/words.ts'
import { fieldsSchema } from './support/standard-schemas.ts'
import { PLAIN_LOOK } from '../src/page/view/look.ts'
import { writtenRange } from '../src/page/query/range.ts'
import { readQuery, withIdProblems } from '../src/page/query/query.ts'
import { readPreferences } from '../src/page/requests/preferences.ts'
import { parseQuery } from '../src/query/parse-query.ts'
import { UTC } from '../src/query/zone.ts'
import type { LoggedEntry } from '../src/read/logged-entry.ts'

const KEYS = Object.keys(ENGLISH) as TextKey[]
const OTHERS = LANGUAGES.filter((language) => language !== 'en')

/** Texts that are the same in English and in another language. */
const ALIKE: Readonly<Record<string, string>> = {
  de: 'live links event recorder verifiedAt unknownVerb noVerb colon',
  es: 'local actor lastDay verifiedAt did didAlone unknownVerb noVerb colon',
  fr: 'action lastDay pages noVerb',
}

const namesIn = (text: string) =>
  [...new Set(Array.from(text.matchAll(/\{(\w+)\}/g), ([, name]) => name))].sort()

test('the times that each language gives as examples are understood', () => {
  const clock = { zone: UTC, nowMs: Date.UTC(2026, 10, 28, 12) }
  const english = ['3 May', '-2h', 'last month', '3 May..5 May', 'yesterday 14:05']
  for (const language of LANGUAGES) {
    const words = wordsOf(language)
    const range = words.template('rangeExample').split(', ')
    const [, between = ''] = /[,:] ([^,]*\.\.[^,]*)$/.exec(words.template('rangeTitle')) ?? []
    const [, moment = ''] =
      / (?:or|oder|o|ou) ([^.]*\d\d:\d\d)/.exec(words.template('momentTitle')) ?? []
    const given = [...range, between, moment]
    assert.deepEqual(
      given.map((text) => writtenRange(text, clock)),
      english.map((text) => writtenRange(text, clock)),
      language,
    )
  }
})

test('each language says everything, with what English fills in, and not in English', () => {
  for (const language of OTHERS) {
    const words = wordsOf(language)
    for (const key of KEYS) {
      const [english, text] = [ENGLISH[key], words.template(key)]
      assert.notEqual(text.trim(), '', `${language} ${key}`)
      assert.deepEqual(namesIn(text), namesIn(english), `${language} ${key}`)
      const forms = text.split('|')
      assert.ok(
        forms.length <= 2 && forms.every((form) => form.trim() !== ''),
        `${language} ${key}`,
      )
    }
    const alike = KEYS.filter((key) => words.template(key) === ENGLISH[key])
    assert.equal(alike.join(' '), ALIKE[language], language)
  }
})

// Goal: texts are set as people of that language set them.
// Method: the signs of another language's quotes, and spaces at which a line could end in the wrong place.
test('each language has its own quotes, apostrophes and spaces', () => {
  const foreign = { de: /['"”«»]/, es: /['"“”„]/, fr: /['"“”„]| [:;?!»]|« / }
  for (const language of OTHERS) {
    const words = wordsOf(language)
    for (const key of KEYS) {
      assert.doesNotMatch(words.template(key), foreign[language], `${language} ${key}`)
    }
    const told = [
      words.message('there is no "x". To look for the text itself, put it in quotes.'),
      words.message('Is it 3 May or 5 March? Write the month as a word, or 2026-05-03.'),
    ]
    for (const text of told) assert.doesNotMatch(text, foreign[language])
  }
})

// Goal: no message about a filter stays English because its words were changed in the library.
// Method: what people and attackers type is read, and each message that comes of it is translated.
test('what is wrong with a filter or a query line is told in the language of the page', () => {
  const given = [
    ...['x'.repeat(2_001), 'a '.repeat(60), 'or', '"open', 'by:ada or -by:bob', 'by:', '""', 'a*b'],
    ...[
      '(a or b) or (c d)',
      'acton:a',
      'zzzzzz:a',
      'by>ada',
      `by:${'x'.repeat(300)}`,
      'action:a..b',
    ],
    ...['outcome:x', 'kind:x', 'ip:x', 'changed:a..b', 'meta.a!=1', 'meta.a>x', 'after:xx'],
    ...['after:3/5', 'date:2026-05-03..2026-05-01', 'seq:x', 'date>x', 'meta.a..b:1', 'a:b'],
  ]
  const ofLine = given.flatMap((text) => parseQuery(text).problems.map(({ message }) => message))
  const addresses = [
    ...[
      'user=',
      'action=a*b',
      `request=${'x'.repeat(300)}`,
      'range=x',
      'range=3/5',
      'range=3 May 2026..2 May 2026',
      'proof=x',
      'from=x',
      'limit=0',
      'live=2',
    ],
    ...['outcome=x', 'kind=x', 'from=2026-02-01&to=2026-01-01', 'user=1&user=2', 'after=x', 'x=1'],
    ...[`q=${'x'.repeat(6_100)}`, 'entry=x'],
  ]
  const ofFields = addresses.flatMap((text) => [
    ...withIdProblems(readQuery(new URLSearchParams(`${text}&target=x`)), 'uuid').problems.values(),
  ])
  const ofViewer = ['You may not ask for this.', 'You may not read this event.']
  const messages = new Set([...ofLine, ...ofFields, ...ofViewer])
  assert.ok(messages.size >= 35, String(messages.size))
  for (const message of messages) {
    for (const language of OTHERS) {
      const told = wordsOf(language).message(message)
      assert.notEqual(told, message, language)
      assert.doesNotMatch(told, /\{\w+\}|\b(?:must|the|put|write)\b/i, told)
    }
  }
})

test('a message of another kind stays as it is, and a long one costs nothing', () => {
  const other = 'The database did not answer.'
  assert.equal(wordsOf('de').message(other), other)
  const long = `Must be ${'a or '.repeat(390)}`
  const beganMs = performance.now()
  assert.equal(wordsOf('de').message(long), long)
  assert.ok(performance.now() - beganMs < 200)
})

test('the language is the viewer’s choice, else the browser’s', () => {
  const languageFor = (headers: Readonly<Record<string, string>>) =>
    readPreferences(new Request('http://page.test/', { headers }), PLAIN_LOOK).words.language
  const cases = [
    [{}, 'en'],
    [{ 'accept-language': 'de-AT,de;q=0.9,en;q=0.8' }, 'de'],
    [{ 'accept-language': 'pt, en;q=0.5, fr;q=0.7' }, 'fr'],
    [{ 'accept-language': 'de;q=0, es;q=0.1' }, 'es'],
    [{ 'accept-language': `${'x,'.repeat(10_000)}de` }, 'en'],
    [{ 'accept-language': ';;;=,q=' }, 'en'],
    [{ 'accept-language': 'de', cookie: 'audit_lang=fr' }, 'fr'],
    [{ 'accept-language': 'de', cookie: 'audit_lang=xx' }, 'de'],
  ] as const
  for (const [headers, language] of cases) {
    assert.equal(languageFor(headers), language, JSON.stringify(headers).slice(0, 80))
  }
})

function entry(given: Partial<LoggedEntry>): LoggedEntry {
  const at = new Date('2026-11-22T14:05:31.250Z')
  return {
    ...{ id: '01a203bb-6f15-7315-964b-d20452220636', seq: 7, occurredAt: at, loggedAt: at },
    ...{ userId: 'ada', eventId: null, targetId: null, action: 'branding.update' },
    ...{ entityType: null, requestId: null, metadata: {}, context: {} },
    ...{ moreTargets: null, outcome: null, actorId: null, actorKind: null },
    ...{ writtenBy: 'shop_web', recorderId: null, recorderSeq: null },
    ...given,
  }
}

test('an entry is a sentence in each language', () => {
  const said = (given: Partial<LoggedEntry>) =>
    LANGUAGES.map((lang) => entrySentence(entry(given), { lang }))
  assert.deepEqual(said({ metadata: { colour: { from: 'red', to: 'blue' } } }), [
    'ada updated the branding: colour red → blue',
    'ada hat branding aktualisiert: colour red → blue',
    'ada actualizó branding: colour red → blue',
    'ada a mis à jour branding\u00a0: colour red → blue',
  ])
  assert.deepEqual(said({ action: 'venue.delete', targetId: 'v1', outcome: 'denied' }), [
    'ada tried to delete venue v1: denied',
    'ada wollte venue v1 löschen: verweigert',
    'ada intentó eliminar venue v1: denegado',
    'ada a voulu supprimer venue v1\u00a0: refusé',
  ])
  assert.deepEqual(said({ action: 'session.login', userId: null }), [
    'The session was logged in',
    'Jemand hat sich angemeldet',
    'Alguien inició sesión',
    'Quelqu’un a ouvert une session',
  ])
  assert.deepEqual(said({ action: 'guest.check_in', userId: null, targetId: 'g1' }), [
    'Guest g1 was checked in',
    'Guest g1 wurde eingecheckt',
    'Se registró la entrada de guest g1',
    'On a enregistré l’arrivée de guest g1',
  ])
  assert.deepEqual(said({ action: 'rocket.frobnicate', targetId: 'r1', moreTargets: ['r2'] }), [
    'ada frobnicated rocket r1 and 1 more',
    'ada: frobnicate rocket r1 und 1 weiteres',
    'ada: frobnicate rocket r1 y 1 más',
    'ada\u00a0: frobnicate rocket r1 et 1 de plus',
  ])
  assert.deepEqual(said({ action: 'audit.drop', metadata: { dropped: { full: 1_200 } } }), [
    '1,200 entries are missing here, dropped by a recorder: the buffer was full',
    'Hier fehlen 1.200 Einträge, von einem Recorder verworfen: der Puffer war voll',
    'Aquí faltan 1200 entradas, descartadas por un registrador: el búfer estaba lleno',
    'Il manque ici 1\u202f200 entrées, abandonnées par un enregistreur\u00a0: le tampon était plein',
  ])
})

test('a catalogue has its own sentences for each language', () => {
  const actions = defineActions({
    'refund.issue': {
      metadata: fieldsSchema({ cents: 'number' }),
      describe: {
        de: ({ metadata }) => `Erstattet wurden ${metadata.cents} Cent`,
        en: ({ metadata }) => `Refunded were ${metadata.cents} cents`,
      },
    },
    'refund.plan': {
      metadata: fieldsSchema({ cents: 'number' }),
      describe: (_, language) => `planned in ${language}`,
    },
  })
  const said = (action: string) =>
    LANGUAGES.map((lang) =>
      entrySentence(entry({ action, userId: null, metadata: { cents: 5 } }), { actions, lang }),
    )
  assert.deepEqual(said('refund.issue'), [
    'Refunded were 5 cents',
    ...Array.from({ length: 3 }, () => 'Erstattet wurden 5 Cent'),
  ])
  assert.deepEqual(
    said('refund.plan'),
    LANGUAGES.map((lang) => `planned in ${lang}`),
  )
  for (const [describe, why] of [
    [{}, 'needs a function describe, or one for each language, got object.'],
    [{ nl: () => '' }, 'has a describe for "nl". The languages are en, de, es, fr.'],
    [{ de: 'x' }, 'needs a function describe for "de", got string.'],
  ] as const) {
    const wrong = { 'a.b': { describe } } as unknown as Parameters<typeof defineActions>[0]
    assert.throws(() => defineActions(wrong), { message: `Action "a.b" ${why}` })
  }
})
