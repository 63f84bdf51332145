import { describeEntry } from '../../actions/describe-entry.ts'
import type { AnyCatalog } from '../../actions/define-actions.ts'
import type { LoggedEntry } from '../../read/logged-entry.ts'
import type { Language } from '../../actions/language.ts'
import { wordsOf } from '../language/words.ts'
import type { NameOf } from './sentence-parts.ts'
import { sentenceOf } from './sentence.ts'

export interface SentenceOptions {
  /** The application's catalogue, whose `describe` functions come first. */
  readonly actions?: AnyCatalog | undefined
  /** Returns a name for an id. Default: the first part of the id is shown. */
  readonly nameOf?: NameOf | undefined
  /** @default 'en' */
  readonly lang?: Language | undefined
}

/** An entry of the log as one line of text, in the words of the timeline page. Never throws. */
export function entrySentence(
  entry: LoggedEntry,
  { actions, nameOf = () => undefined, lang = 'en' }: SentenceOptions = {},
): string {
  const parts = sentenceOf(entry, nameOf, describeEntry(actions, entry, lang), wordsOf(lang))
  return parts.map(({ text }) => text).join('')
}
