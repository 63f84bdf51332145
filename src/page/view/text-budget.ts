import type { Words } from '../language/words.ts'
import { visible } from '../sentence/plain-text.ts'

/**
 * How much text a part of the page may show. An entry can hold a megabyte, and its characters can
 * take eight times as many in HTML, so each part is cut, and the export has the rest.
 */
export class TextBudget {
  /** What says that a text was cut. */
  readonly words: Words
  #left: number

  /** @param characters of all texts together */
  constructor(characters: number, words: Words) {
    this.words = words
    this.#left = characters
  }

  get left(): number {
    return this.#left
  }

  /** The text as it may be shown: its beginning where it is longer than `max` or than what is left. */
  take(text: string, max: number): string {
    const shown = text.slice(0, Math.min(max, this.#left))
    this.#left -= shown.length
    if (shown.length === text.length) return visible(text)
    return visible(shown) + this.words.count('charactersCut', text.length)
  }
}
