/** One labelled value: what a program gives, and what may and must be in the log. */
export interface RedactionCase {
  /** What the case is an example of. The rates are shown by it. */
  readonly kind: string
  /** Whose public documentation shows values of this shape. */
  readonly system: string
  /** Given as metadata, under the key `given`. */
  readonly given: unknown
  /** None of these texts may be in what is stored. Empty: nothing in it is a secret. */
  readonly gone: readonly string[]
  /** All of these texts must be in what is stored. Undefined where nothing is a secret: all of it. */
  readonly stays: readonly string[] | undefined
}

/** The secret of every case. No scanner takes it for a real one. */
export const SECRET = 'zQ7PLANTED9Kz'
/** A secret as a person chooses it. */
export const CHOSEN = 'hunter2'
/** Digits and letters as a machine makes them, put together here so that no scanner finds a token. */
export const made = (characters: number): string =>
  'a1B2c3D4e5F6g7H8i9J0'.repeat(Math.ceil(characters / 20)).slice(0, characters)
export const hex = (characters: number): string =>
  '3f9c1ab27de405866b'.repeat(Math.ceil(characters / 18)).slice(0, characters)

type Row = readonly [
  system: string,
  given: unknown,
  gone?: string | readonly string[],
  stays?: readonly string[],
]

/** Cases that hold a secret: `SECRET`, `CHOSEN` or what the row names. */
export function secrets(kind: string, rows: readonly Row[]): RedactionCase[] {
  return rows.map(([system, given, gone = [SECRET, CHOSEN], stays = []]) => ({
    kind,
    system,
    given,
    gone: typeof gone === 'string' ? [gone] : gone,
    stays,
  }))
}

/** Cases that hold none, and have to be stored as they are. */
export function harmless(kind: string, rows: readonly (readonly [string, unknown])[]) {
  return rows.map(
    ([system, given]): RedactionCase => ({
      kind,
      system,
      given,
      gone: [],
      stays: undefined,
    }),
  )
}
