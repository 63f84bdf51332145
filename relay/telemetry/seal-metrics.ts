import { Counter, Gauge, type Registry } from 'prom-client'
import type { LogSealReport } from '../seal/log-seal.ts'
import type { Backlog } from './backlog.ts'

/** How far the log is sealed. What the database does not tell is of this process alone. */
export class SealMetrics {
  readonly #lag: Gauge
  readonly #size: Gauge
  readonly #unsealed: Gauge
  readonly #refused: Gauge
  readonly #anchorAge: Gauge<'anchor'>
  readonly #anchorForked: Gauge<'anchor'>
  readonly #missing: Counter

  constructor(registry: Registry) {
    const gauge = <Label extends string>(
      name: string,
      help: string,
      labelNames: readonly Label[] = [],
    ) => {
      const registers = [registry]
      return new Gauge<Label>({
        name: `audit_${name}`,
        help,
        labelNames: [...labelNames],
        registers,
      })
    }
    this.#lag = gauge(
      'seal_lag_seconds',
      'For how long the oldest entry has waited to be sealed; absent where nothing was ever sealed.',
    )
    this.#size = gauge('seal_size', 'Entries below the newest checkpoint of the seal.')
    this.#unsealed = gauge('seal_unsealed', 'Entries that are not sealed yet.')
    this.#refused = gauge(
      'seal_refused',
      '1 while this process refuses to seal until a person has looked; absent where it does not seal.',
    )
    this.#anchorAge = gauge(
      'anchor_age_seconds',
      'How long ago an anchor was known to have the newest checkpoint.',
      ['anchor'],
    )
    this.#anchorForked = gauge(
      'anchor_forked',
      '1 where an anchor knows another log under this name.',
      ['anchor'],
    )
    this.#missing = new Counter({
      name: 'audit_seal_missing_total',
      help: 'Numbers without an entry that this process sealed as missing.',
      registers: [registry],
    })
  }

  show(figures: Backlog['seal'] | undefined, report: LogSealReport | undefined): void {
    for (const gauge of [this.#lag, this.#size, this.#unsealed, this.#refused]) gauge.remove()
    for (const gauge of [this.#anchorAge, this.#anchorForked]) gauge.reset()
    if (figures) {
      this.#lag.set(figures.lagMs / 1_000)
      this.#size.set(figures.size)
      this.#unsealed.set(figures.unsealed)
    }
    if (report === undefined) return
    this.#refused.set(report.refusal === null ? 0 : 1)
    this.#missing.reset()
    this.#missing.inc(report.missing)
    for (const { name: anchor, ageMs, isForked } of report.anchors) {
      this.#anchorAge.set({ anchor }, ageMs / 1_000)
      this.#anchorForked.set({ anchor }, isForked ? 1 : 0)
    }
  }
}
