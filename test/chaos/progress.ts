import type { Inflictor } from './inflict.ts'
import type { Scene } from './scene.ts'

const EVERY_MS = 5_000
/** A long run is to be read, too. */
const LINES = 20
const LOOK_EVERY_MS = 1_000

/** Says now and then how things stand, and remembers the worst of it. */
export class Progress {
  readonly #timers: NodeJS.Timeout[]
  #slowestMs = 0
  #mostBuffered = 0
  #mostWaiting = 0

  constructor(
    scene: Scene,
    inflictor: Inflictor,
    { seconds, say }: { readonly seconds: number; readonly say: (line: string) => void },
  ) {
    const everyMs = Math.max(EVERY_MS, (seconds * 1_000) / LINES)
    const look = () => {
      for (const { slowestMs, buffered } of scene.news.values()) {
        this.#slowestMs = Math.max(this.#slowestMs, slowestMs)
        this.#mostBuffered = Math.max(this.#mostBuffered, buffered)
      }
    }
    const tell = async () => {
      const rows = await scene.ask(
        (sql) => sql<{ head: number; staging: number; outbox: number; resets: number }[]>`
          select seq::float8 as head, (select resets from audit.audit_lane where lane = 'staging'),
            (select count(*) from audit.audit_staging)::float8 as staging,
            (select count(*) from audit.audit_outbox)::float8 as outbox
          from audit.audit_head`,
      )
      const found = rows?.[0]
      this.#mostWaiting = Math.max(this.#mostWaiting, found?.staging ?? 0)
      const database = found
        ? `logged ${found.head}, waiting ${found.staging} + ${found.outbox}, resets ${found.resets}`
        : 'the server is away'
      const writers = scene.writers.map(({ name, lives }) => {
        const { accepted = 0, buffered = 0, transactions = 0 } = scene.news.get(name) ?? {}
        return `${name}.${lives.length} ${accepted} (${buffered} buffered, ${transactions} tx)`
      })
      say(`${inflictor.done.length} faults; ${database}; ${writers.join('; ')}`)
    }
    this.#timers = [setInterval(look, LOOK_EVERY_MS), setInterval(() => void tell(), everyMs)]
  }

  get figures(): Readonly<Record<string, number>> {
    return {
      'slowest record(), ms': Math.round(this.#slowestMs * 10) / 10,
      'most buffered in a writer': this.#mostBuffered,
      'most waiting in staging, as seen': this.#mostWaiting,
    }
  }

  stop(): void {
    for (const timer of this.#timers) clearInterval(timer)
  }
}
