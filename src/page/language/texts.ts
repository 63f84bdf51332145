import { PAGE_EN } from './en.ts'
import { SENTENCES_EN } from './sentences-en.ts'

export const ENGLISH: typeof PAGE_EN & typeof SENTENCES_EN = { ...PAGE_EN, ...SENTENCES_EN }

export type TextKey = keyof typeof ENGLISH
/** What a language says: each of the English texts, with the same names in braces. */
export type PageTexts = Readonly<Record<keyof typeof PAGE_EN, string>>
export type SentenceTexts = Readonly<Record<keyof typeof SENTENCES_EN, string>>
export type Texts = PageTexts & SentenceTexts

type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never
/** The names that a text has in braces. */
export type NamesOf<Key extends TextKey> = NamesIn<(typeof ENGLISH)[Key]>
/** What has to be filled in: nothing, or a value for each name. */
export type Values<Name extends string, Value> = [Name] extends [never]
  ? []
  : [values: Readonly<Record<Name, Value>>]

/** What an entry's verb is in a language, by its English words: to do it, and that it was done. */
export type Verbs = Readonly<Record<string, readonly [infinitive: string, past: string]>>
