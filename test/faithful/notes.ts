/** What an entry says about itself in its context. */
export interface Notes {
  readonly marks: ReadonlySet<string>
  /** What was given for a field and does not stand in its column. */
  readonly invalid: Readonly<Record<string, unknown>>
  /** Where the value came from, if a dying process left it. */
  readonly recovered: unknown
  isRedacted(path: string): boolean
}

/** Separates the notes of an entry from the context that was given. */
export function notesIn(context: Readonly<Record<string, unknown>>) {
  const { degraded = [], redacted = [], invalid = {}, recovered, ...details } = context
  const paths = redacted as readonly string[]
  const isMore = paths.some((path) => path === '…' || path === '...')
  const heads = paths.filter((path) => path.endsWith('…')).map((path) => path.slice(0, -1))
  const notes: Notes = {
    marks: new Set(degraded as readonly string[]),
    invalid: invalid as Readonly<Record<string, unknown>>,
    recovered,
    isRedacted: (path) =>
      isMore || paths.includes(path) || heads.some((head) => path.startsWith(head)),
  }
  return { notes, details }
}
