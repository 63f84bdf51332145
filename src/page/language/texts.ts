import { PAGE_EN } from './en.ts'

export const ENGLISH = PAGE_EN

export type TextKey = keyof typeof ENGLISH
/** A language has each of the English texts, with the same names in braces. */
export type Texts = Readonly<Record<TextKey, string>>

type NamesIn<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | NamesIn<Rest>
  : never
/** The names that a text has in braces. */
export type NamesOf<Key extends TextKey> = NamesIn<(typeof ENGLISH)[Key]>
/** What has to be filled in: nothing, or a value for each name. */
export type Values<Name extends string, Value> = [Name] extends [never]
  ? []
  : [values: Readonly<Record<Name, Value>>]
