/** One piece of text of ours, replaced by another one. */
export interface Edit {
  readonly file: string
  /** Stands in the file as many times as `times` says. */
  readonly find: string
  readonly replace: string
  /** Default: once. Twice, where a function is written for each lane. */
  readonly times?: number
}

/** A mistake that somebody could make in our code, and the test that must notice it. */
export interface Mutant {
  readonly name: string
  readonly edits: readonly Edit[]
  /** The file in `test/` that holds the test. */
  readonly file: string
  /** The test's title. No other red test counts. */
  readonly test: string
}

/** The file's text with the edit. @throws where its place is not found, or too often */
export function applyEdit(text: string, { file, find, replace, times = 1 }: Edit): string {
  const places = text.split(find).length - 1
  if (places === times) return text.replaceAll(find, () => replace)
  throw new Error(`${file} holds this ${places} times, not ${times}: ${find}`)
}
