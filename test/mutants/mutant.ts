/** One piece of text of ours, replaced by another one. */
export interface Edit {
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
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

/** The file's text with the edit. @throws where its place is not found, or found twice */
export function applyEdit(text: string, { file, find, replace }: Edit): string {
  const places = text.split(find).length - 1
  if (places === 1) return text.replace(find, () => replace)
  throw new Error(`${file} holds this ${places} times, not once: ${find}`)
}
