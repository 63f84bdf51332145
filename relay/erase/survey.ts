import type { Elsewhere, Erasures, NamingEntry } from './erasures.ts'

/** What an erasure of a user empties, and what else names the user. */
export interface Survey {
  /** Entries of which something is erased. */
  readonly entries: number
  /** Those of them that the user did, or that were done for the user: everything of them is erased. */
  readonly own: number
  /** Those that are out of the log already, and wait for their drop. */
  readonly removed: number
  /** The first and the last number among them; undefined where there is none. */
  readonly seqs: readonly [number, number] | undefined
  /** Entries that a legal hold keeps from being erased. */
  readonly held: readonly HeldEntry[]
  /** Entries of others whose metadata or context names the user. They stay as they are. */
  readonly naming: Naming
  readonly elsewhere: Elsewhere
}

export interface HeldEntry {
  readonly seq: number
  readonly hold: string
}

export interface Naming {
  readonly entries: number
  readonly byAction: Readonly<Record<string, number>>
  /** The first of them, at most 1,000. */
  readonly first: readonly NamingEntry[]
}

export interface SurveyOptions {
  readonly signal: AbortSignal
  /** Called with how many entries were looked through for the user's id. */
  readonly onLooked: (entries: number) => void
}

const PAGE_ENTRIES = 5_000
const MOST_NAMED = 1_000

/** Looks through the whole log and what lies next to it. It changes nothing. */
export async function surveyUser(
  erasures: Erasures,
  user: string,
  { signal, onLooked }: SurveyOptions,
): Promise<Survey> {
  const places = await erasures.places()
  const seen = new Set<number>()
  const held: HeldEntry[] = []
  let [own, removed] = [0, 0]
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]
  for (const { place, kind } of places) {
    for await (const page of erasures.ofUser(place, user, PAGE_ENTRIES)) {
      signal.throwIfAborted()
      for (const { seq, fields, hold } of page) {
        if (seen.has(seq)) continue
        seen.add(seq)
        if (fields.includes('user_id')) own += 1
        if (kind === 'removed') removed += 1
        if (hold !== null) held.push({ seq, hold })
        first = Math.min(first, seq)
        last = Math.max(last, seq)
      }
    }
  }
  const naming = await namingOf(erasures, user, { signal, onLooked })
  const seqs = seen.size === 0 ? undefined : ([first, last] as const)
  const [fromSeq, toSeq] = seqs ?? [1, 0]
  const elsewhere = await erasures.elsewhere(user, fromSeq, toSeq)
  return { entries: seen.size, own, removed, seqs, held, naming, elsewhere }
}

async function namingOf(
  erasures: Erasures,
  user: string,
  { signal, onLooked }: SurveyOptions,
): Promise<Naming> {
  const seen = new Set<number>()
  const byAction: Record<string, number> = {}
  const first: NamingEntry[] = []
  let looked = 0
  for (const { place } of await erasures.places()) {
    let after: string | null = null
    do {
      signal.throwIfAborted()
      const page = await erasures.naming(place, user, after, PAGE_ENTRIES)
      for (const entry of page.entries) {
        if (seen.has(entry.seq)) continue
        seen.add(entry.seq)
        byAction[entry.action] = (byAction[entry.action] ?? 0) + 1
        if (first.length < MOST_NAMED) first.push(entry)
      }
      looked += page.looked
      onLooked(looked)
      after = page.last
    } while (after !== null)
  }
  return { entries: seen.size, byAction, first }
}
