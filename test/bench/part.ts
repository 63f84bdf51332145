import type { Chart } from './chart.ts'

export interface PartOptions {
  /** Only proves that it runs: seconds instead of minutes, and the figures mean little. */
  readonly isQuick: boolean
  /** Shows how far it is. One line, without a full stop. */
  readonly say: (progress: string) => void
}

/** A figure that something was to be reached by. What it is a ratio to belongs in its name. */
export interface Goal {
  readonly name: string
  readonly value: number
  readonly atMost?: number
  readonly atLeast?: number
  /** Shown behind the value: `µs`, `%`. Default: none, as for a ratio. */
  readonly unit?: string
}

export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  /** As they are shown; the first cell of a row is its name. */
  readonly rows: readonly (readonly string[])[]
  /** What has to be known to read it. */
  readonly note?: string
}

export interface Result {
  readonly tables: readonly Table[]
  readonly goals: readonly Goal[]
  readonly charts: readonly Chart[]
  /** Everything that was measured, for the JSON. */
  readonly measured: object
}

/** One part of the benchmark. `test/bench/NAME.ts` exports it as `part`. */
export interface Part {
  readonly name: string
  /** One line for `--help`. */
  readonly summary: string
  run(options: PartOptions): Promise<Result>
}

export function isReached({ value, atMost, atLeast }: Goal): boolean {
  return !(atMost !== undefined && value > atMost) && !(atLeast !== undefined && value < atLeast)
}
