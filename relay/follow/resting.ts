import { Outage } from '../../src/database/outage.ts'
import type { AuditLogger } from '../../src/logger.ts'

const FIRST_REST_MS = 1_000
const LONGEST_REST_MS = 60_000

interface Rest {
  readonly outage: Outage
  failures: number
  untilMs: number
}

/** What happens to a consumer that failed. */
export interface Rests {
  /** Whether it waits after a failure. */
  isOn(consumer: string): boolean
  failed(consumer: string, error: unknown): void
  recovered(consumer: string): void
}

/** The consumers that failed. Each one is tried again after a growing wait, while the others go on. */
export class Resting implements Rests {
  readonly #logger: AuditLogger
  readonly #rests = new Map<string, Rest>()

  constructor(logger: AuditLogger) {
    this.#logger = logger
  }

  isOn(consumer: string): boolean {
    return performance.now() < (this.#rests.get(consumer)?.untilMs ?? 0)
  }

  failed(consumer: string, error: unknown): void {
    const rest = this.#rests.get(consumer) ?? { outage: this.#outage(), failures: 0, untilMs: 0 }
    this.#rests.set(consumer, rest)
    const restMs = Math.min(LONGEST_REST_MS, FIRST_REST_MS * 2 ** rest.failures)
    rest.failures += 1
    rest.untilMs = performance.now() + restMs
    rest.outage.failed(error, { consumer })
  }

  recovered(consumer: string): void {
    this.#rests.get(consumer)?.outage.recovered({ consumer })
    this.#rests.delete(consumer)
  }

  #outage(): Outage {
    return new Outage(this.#logger, {
      begins: 'what one consumer makes of the log waits, because it failed; it is tried again',
      goesOn: 'what one consumer makes of the log still waits, because it fails',
      ends: 'the consumer goes on',
    })
  }
}
