import type { Language } from '../../actions/language.ts'
import { html, type Html } from '../http/html.ts'
import { PAGE_DE } from './de.ts'
import { PAGE_ES } from './es.ts'
import { PAGE_FR } from './fr.ts'
import { withFrenchSpaces } from './french-spaces.ts'
import { messageIn } from './messages.ts'
import { SENTENCES_DE } from './sentences-de.ts'
import { SENTENCES_ES } from './sentences-es.ts'
import { SENTENCES_FR } from './sentences-fr.ts'
import {
  ENGLISH,
  type NamesOf,
  type TextKey,
  type Texts,
  type Values,
  type Verbs,
} from './texts.ts'

import { VERBS_DE } from './verbs-de.ts'
import { VERBS_ES } from './verbs-es.ts'
import { VERBS_FR } from './verbs-fr.ts'

interface Tongue {
  readonly texts: Texts
  /** For dates and numbers. English is British, whose dates say the month as a word. */
  readonly locale: string
  /** Whether nouns begin with a capital in the middle of a text, too. */
  readonly hasCapitalNouns?: true
  /** None: the sentence knows how English verbs are formed. */
  readonly verbs?: Verbs
}

const TONGUES: Readonly<Record<Language, Tongue>> = {
  en: { texts: ENGLISH, locale: 'en-GB' },
  de: {
    ...{ texts: { ...PAGE_DE, ...SENTENCES_DE }, verbs: VERBS_DE, locale: 'de' },
    hasCapitalNouns: true,
  },
  es: { texts: { ...PAGE_ES, ...SENTENCES_ES }, verbs: VERBS_ES, locale: 'es' },
  fr: { texts: spaced({ ...PAGE_FR, ...SENTENCES_FR }), verbs: VERBS_FR, locale: 'fr' },
}

function spaced(texts: Texts): Texts {
  const all = Object.entries(texts).map(([key, text]) => [key, withFrenchSpaces(text)])
  return Object.fromEntries(all) as Texts
}

/** What the page says, in one language. */
export class Words {
  readonly language: Language
  readonly locale: string
  readonly #texts: Texts
  readonly #numbers: Intl.NumberFormat
  readonly #plural: Intl.PluralRules

  constructor(language: Language) {
    const { texts, locale } = TONGUES[language]
    this.language = language
    this.locale = locale
    this.#texts = texts
    this.#numbers = new Intl.NumberFormat(locale)
    this.#plural = new Intl.PluralRules(locale)
  }

  say<Key extends TextKey>(key: Key, ...values: Values<NamesOf<Key>, string>): string {
    return fill(this.#texts[key], values[0]).join('')
  }

  /** As a word in the middle of a text. */
  inside(key: TextKey): string {
    const text = this.#texts[key]
    return TONGUES[this.language].hasCapitalNouns ? text : text.toLowerCase()
  }

  /** The same as HTML, whose values may be links. */
  html<Key extends TextKey>(key: Key, ...values: Values<NamesOf<Key>, Html | string>): Html {
    return html`${fill<Html | string>(this.#texts[key], values[0])}`
  }

  /** The text in pieces, for a sentence whose values are more than text. */
  pieces<Key extends TextKey, Value>(
    key: Key,
    values: Readonly<Record<NamesOf<Key>, Value>>,
  ): readonly (string | Value)[] {
    return fill<Value>(this.#texts[key], values)
  }

  /** A text with a number, in the form for one or for several. */
  count<Key extends TextKey>(
    key: Key,
    count: number,
    ...values: Values<Exclude<NamesOf<Key>, 'count'>, string>
  ): string {
    const [one = '', several = one] = this.#texts[key].split('|')
    const form = this.#plural.select(count) === 'one' ? one : several
    return fill(form, { ...values[0], count: this.number(count) }).join('')
  }

  /** What a verb is in this language; undefined where its table has no such verb. */
  verb(english: string): Verbs[string] | undefined {
    const { verbs } = TONGUES[this.language]
    return verbs && Object.hasOwn(verbs, english) ? verbs[english] : undefined
  }

  /** `12,345`, or as the language writes it. */
  number(count: number): string {
    return this.#numbers.format(count)
  }

  /** What is wrong with a filter, which the library says in English. */
  message(english: string): string {
    return messageIn(this.language, english)
  }

  /** A text as it is, for the page's script, which fills it in. */
  template(key: TextKey): string {
    return this.#texts[key]
  }
}

const made = new Map<Language, Words>()

/** What the page says in a language. Made once for each. */
export function wordsOf(language: Language): Words {
  const words = made.get(language) ?? new Words(language)
  made.set(language, words)
  return words
}

/** The text in pieces, with the values in the place of their names. */
function fill<Value>(
  text: string,
  values: Readonly<Record<string, Value>> | undefined,
): (string | Value)[] {
  if (values === undefined) return [text]
  return text.split(/\{(\w+)\}/).map((piece, at) => {
    if (at % 2 === 0) return piece
    const value = values[piece]
    if (value === undefined) throw new Error(`The text has no value for "${piece}".`)
    return value
  })
}
