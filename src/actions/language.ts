/** The languages of the page's own texts, in which a catalogue can have its sentences, too. */
export const LANGUAGES = ['en', 'de', 'es', 'fr'] as const
export type Language = (typeof LANGUAGES)[number]

export function isLanguage(given: unknown): given is Language {
  return LANGUAGES.some((known) => known === given)
}
