import { Relay } from '../../relay/move/relay.ts'
import { BoundRecorder } from '../../src/recorder/bound-recorder.ts'
import type { AuditLogger } from '../../src/logger.ts'
import {
  RECORDER_LIMITS,
  type RecorderLimits,
  type RelayLimits,
  resolveLimits,
} from '../../src/options.ts'
import type { Recorder } from '../../src/recorder/recorder.ts'
import { Intake } from '../../src/recorder/intake.ts'
import { Pipeline } from '../../src/recorder/pipeline.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { createCapture } from '../../src/capture/capture.ts'
import type { Wire } from './wire.ts'

/** Redaction has tests of its own, and takes most of the time here. */
const redactor = compileRedactor(false)

export type RecorderState = 'live' | 'closing' | 'closed' | 'killed'

/** A recorder as it is, and what the application knows of it. */
export class RecorderActor {
  readonly name: string
  readonly recorder: Recorder
  readonly id: string
  readonly limits: RecorderLimits
  /** The numbers of the entries that it accepted, in their order. */
  readonly accepted: number[] = []
  /** How many it did not. */
  refusals = 0
  state: RecorderState = 'live'
  outagesBegun = 0
  outagesEnded = 0
  readonly #wire: Wire

  constructor(name: string, wire: Wire, options: Partial<RecorderLimits>) {
    this.name = name
    this.#wire = wire
    this.limits = resolveLimits<keyof RecorderLimits>(RECORDER_LIMITS, options)
    const capture = createCapture({ maxEntryBytes: this.limits.maxEntryBytes, redactor })
    const pipeline = new Pipeline({
      open: ({ recorderId }) => wire.forRecorder(recorderId),
      limits: this.limits,
      logger: this.#logger(),
      capture,
    })
    this.recorder = new BoundRecorder(new Intake(pipeline, undefined))
    this.id = pipeline.id
  }

  /** @returns whether it was accepted */
  record(n: number, action: string): boolean {
    const isAccepted = this.recorder.record({ action: action as 'a.b', metadata: { n } })
    if (isAccepted) this.accepted.push(n)
    else this.refusals += 1
    return isAccepted
  }

  kill(): void {
    this.state = 'killed'
    this.#wire.kill()
  }

  #logger(): AuditLogger {
    const count = (_: object, message: string) => {
      if (message.includes('is unavailable')) this.outagesBegun += 1
      if (message.includes('is available again')) this.outagesEnded += 1
    }
    return { debug: count, info: count, warn: count, error: count }
  }
}

const silent = () => {}

export class RelayActor {
  readonly relay: Relay
  readonly #wire: Wire

  constructor(wire: Wire, options: Partial<RelayLimits>) {
    this.#wire = wire
    this.relay = new Relay(
      {
        databaseUrl: 'postgres://simulated/',
        logger: { debug: silent, info: silent, warn: silent, error: silent },
        ...options,
      },
      { open: () => wire.forRelay() },
    )
    void this.relay.start()
  }

  kill(): void {
    this.#wire.kill()
    void this.relay.stop()
  }
}
