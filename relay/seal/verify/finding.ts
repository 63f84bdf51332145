const TAMPERED = 5
const NOT_FINISHED = 1
const TOO_LATE = 3
const NOTHING_TO_PROVE_BY = 6

/** What can be found, and the exit code that it stands for. */
export const FINDING_CODES = {
  /** The entry is not the one that was sealed under its number. */
  changed: TAMPERED,
  /** The entry was sealed and is gone, and no sealed entry says why. */
  deleted: TAMPERED,
  /** The entry was sealed under another number. */
  swapped: TAMPERED,
  /** The number has more than one entry. */
  duplicate: TAMPERED,
  /** The entry has a number that the log never gave. */
  late: TAMPERED,
  /** The number had no entry any more when it was to be sealed. */
  'missing-before-seal': TAMPERED,
  /** More was sealed than the database knows of. */
  'rolled-back': TAMPERED,
  /** A checkpoint that was signed is not one of this tree. */
  fork: TAMPERED,
  /** A signature is not by a known key of the log or of the witness. */
  key: TAMPERED,
  /** A row of audit_checkpoint does not say what its note says. */
  checkpoint: TAMPERED,
  /** The hashes of audit_tile do not fit each other. */
  tree: TAMPERED,
  /** The salts of entries are gone, so nobody can tell any more what was sealed. */
  salts: TAMPERED,
  /** A field that was erased holds a value. */
  'written-back': TAMPERED,
  /** Something was erased, and no sealed entry says so. */
  'erased-unsaid': TAMPERED,
  /** audit_removed has a run of numbers, and no sealed entry says so. */
  'removed-unsaid': TAMPERED,
  /** Entries that a recorder's account counts as logged are not in the log. */
  accounts: TAMPERED,
  /** The entry is too large to be read, so it was not compared. */
  unreadable: NOT_FINISHED,
  /** Entries wait for their seal for too long. */
  lagging: TOO_LATE,
  /** Nothing is sealed. */
  unsealed: NOTHING_TO_PROVE_BY,
  /** No policy was given, so no signature could be checked. */
  'no-policy': NOTHING_TO_PROVE_BY,
  /** No checkpoint that was kept outside of the database was given. */
  'no-anchor': NOTHING_TO_PROVE_BY,
  /** The policy does not know this log. */
  'unknown-log': NOTHING_TO_PROVE_BY,
  /** Fewer witnesses cosigned than the policy wants. */
  'no-quorum': NOTHING_TO_PROVE_BY,
} as const

export type FindingKind = keyof typeof FINDING_CODES

export interface Finding {
  readonly kind: FindingKind
  /** The entry's number in the log. Null where it is about no single one. */
  readonly seq: number | null
  /** A sentence. It quotes no entry. */
  readonly text: string
}

/** Of several outcomes the first one counts. */
const ORDER: readonly number[] = [TAMPERED, NOT_FINISHED, TOO_LATE, NOTHING_TO_PROVE_BY]

/** Findings that are kept with their words. All of them are counted. */
const MOST_KEPT = 1_000
/** So that a flood of one kind leaves room for others. */
const MOST_OF_A_KIND = 300
const MOST_CHARACTERS = 1_000

/** Names in the tables of the seal may be anything, once somebody has written into them. */
function fitToShow(text: string): string {
  return text.slice(0, MOST_CHARACTERS).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '�')
}

/** What was found, with bounded memory. */
export class Findings {
  readonly #kept: Finding[] = []
  readonly #counts = new Map<FindingKind, number>()

  add(kind: FindingKind, seq: number | null, text: string): void {
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    if (count > MOST_OF_A_KIND || this.#kept.length >= MOST_KEPT) return
    this.#kept.push({ kind, seq, text: fitToShow(text) })
  }

  addAll(findings: readonly Finding[]): void {
    for (const { kind, seq, text } of findings) this.add(kind, seq, text)
  }

  has(kind: FindingKind): boolean {
    return this.#counts.has(kind)
  }

  /** What was found first of each kind: the worst first, then in the order of numbers. */
  get kept(): readonly Finding[] {
    const place = ({ kind }: Finding) => ORDER.indexOf(FINDING_CODES[kind])
    return this.#kept.toSorted(
      (one, other) => place(one) - place(other) || (one.seq ?? 0) - (other.seq ?? 0),
    )
  }

  /** How many of each kind. */
  get counts(): Readonly<Partial<Record<FindingKind, number>>> {
    return Object.fromEntries(this.#counts)
  }

  /** 0 where nothing was found. */
  get code(): number {
    const codes = new Set([...this.#counts.keys()].map((kind): number => FINDING_CODES[kind]))
    return ORDER.find((code) => codes.has(code)) ?? 0
  }
}
