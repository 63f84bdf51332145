import { Gauge, type Registry } from 'prom-client'
import type { VerifyRun } from '../seal/scheduled/scheduled-verify.ts'

/** What the runs of verify came to that a relay makes from time to time. Absent before the first one. */
export class VerifyMetrics {
  readonly #code: Gauge
  readonly #run: Gauge
  readonly #proved: Gauge
  readonly #rows: Gauge
  readonly #duration: Gauge
  readonly #findings: Gauge<'kind'>

  constructor(registry: Registry) {
    const gauge = <Label extends string = never>(
      name: string,
      help: string,
      labels: Label[] = [],
    ) =>
      new Gauge<Label>({
        ...{ name: `audit_verify_${name}`, help, labelNames: labels, registers: [registry] },
      })
    this.#code = gauge('code', 'What the last run of verify came to: 0 is proved.')
    this.#run = gauge('last_run_timestamp_seconds', 'When the last run of verify ended.')
    this.#proved = gauge(
      'last_proved_timestamp_seconds',
      'When the last run of verify ended that proved the log.',
    )
    this.#rows = gauge('rows', 'Entries that the last run of verify found as they were sealed.')
    this.#duration = gauge('duration_seconds', 'How long the last run of verify took.')
    this.#findings = gauge('findings', 'What the last run of verify found, by kind.', ['kind'])
    for (const one of [this.#code, this.#run, this.#proved, this.#rows, this.#duration]) {
      one.remove() // it would be 0, and a code of 0 is good news
    }
  }

  ran({ code, rows, counts, durationMs, ranMs, provedMs }: VerifyRun): void {
    this.remembered({ ranMs, provedMs })
    this.#code.set(code)
    this.#rows.set(rows)
    this.#duration.set(durationMs / 1_000)
    this.#findings.reset()
    for (const [kind, count] of Object.entries(counts)) this.#findings.set({ kind }, count)
  }

  /** What a relay that starts knows of the runs before. */
  remembered({ ranMs, provedMs }: Pick<VerifyRun, 'ranMs' | 'provedMs'>): void {
    this.#run.set(ranMs / 1_000)
    if (provedMs !== null) this.#proved.set(provedMs / 1_000)
  }
}
