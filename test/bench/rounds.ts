/** What one variant's turn in one round has shown, by the names of what was measured. */
export type Sample = Readonly<Record<string, number>>

export interface RoundsOptions {
  readonly rounds: number
  /** Rounds before those, whose samples are thrown away. Default: none. */
  readonly warmUpRounds?: number
  readonly onTurn?: (variant: string, round: number) => void
}

export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/**
 * Runs every variant once in every round, so that a machine that is slow for a while is slow for
 * all of them. Who goes first rotates, and every other round goes backwards: no variant always
 * comes behind the same one.
 */
export async function interleave(
  variants: Readonly<Record<string, (round: number) => Promise<Sample> | Sample>>,
  { rounds, warmUpRounds = 0, onTurn }: RoundsOptions,
): Promise<Rounds> {
  const names = Object.keys(variants)
  const samples = new Map(names.map((name) => [name, [] as Sample[]]))
  for (let round = -warmUpRounds; round < rounds; round += 1) {
    for (const name of turnsOf(names, round + warmUpRounds)) {
      onTurn?.(name, round)
      const sample = await variants[name]?.(round)
      if (round >= 0 && sample !== undefined) samples.get(name)?.push(sample)
    }
  }
  return new Rounds(samples)
}

function turnsOf(names: readonly string[], round: number): readonly string[] {
  const first = round % names.length
  const turns = [...names.slice(first), ...names.slice(0, first)]
  return round % 2 === 0 ? turns : turns.reverse()
}

/** The samples of interleaved rounds, and how to read them. */
export class Rounds {
  readonly #samples: ReadonlyMap<string, readonly Sample[]>

  constructor(samples: ReadonlyMap<string, readonly Sample[]>) {
    this.#samples = samples
  }

  get names(): string[] {
    return [...this.#samples.keys()]
  }

  /** A metric of a variant, round by round. */
  values(variant: string, metric: string): number[] {
    return (this.#samples.get(variant) ?? []).map((sample) => sample[metric] ?? Number.NaN)
  }

  spread(variant: string, metric: string): Spread {
    return spreadOf(this.values(variant, metric))
  }

  /** A variant over another one, each round for itself, so that what slows both does not show. */
  ratio(variant: string, anchor: string, metric: string): Spread {
    const anchors = this.values(anchor, metric)
    const values = this.values(variant, metric)
    return spreadOf(values.map((value, round) => value / (anchors[round] ?? Number.NaN)))
  }

  toJSON(): Record<string, readonly Sample[]> {
    return Object.fromEntries(this.#samples)
  }
}

export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((one, other) => one - other)
  const half = sorted.length >> 1
  const upper = sorted[half] ?? Number.NaN
  const lower = sorted.length % 2 === 0 ? (sorted[half - 1] ?? Number.NaN) : upper
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  }
}

/** The smallest value that this share of the sorted values does not exceed. */
export function percentileOf(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN
}

/** `0.11 (0.10–0.13)` */
export function showSpread({ median, min, max }: Spread): string {
  return `${showNumber(median)} (${showNumber(min)}–${showNumber(max)})`
}

/** Three digits that count, or all of the whole ones. */
export function showNumber(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return '–'
  const decimals = size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3
  return value.toLocaleString('en-US', {
    minimumFractionDigits: decimals,
    maximumFractionDigits: decimals,
  })
}
