import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from './failures.ts'
import { dim, red, say, took } from './terminal.ts'

interface End {
  readonly name: string
  readonly end: () => Promise<unknown>
}

// One Ctrl-C arrives as up to three signals: from the terminal, from npm and from tsx.
const SAME_SIGNAL_MS = 300

/** Longer than the limits that some parts have themselves. */
const END_TIMEOUT_MS = 40_000

/** Ends everything that is running, in the reverse order of its start. */
export class Ending {
  /**
   * Resolves with the first SIGINT or SIGTERM. A second one ends the process at once. If everything
   * is ending already, the first one also does.
   */
  readonly asked: Promise<NodeJS.Signals>
  readonly #ends: End[] = []
  #ending: Promise<void> | undefined

  constructor() {
    this.asked = new Promise((resolve) => {
      let firstMs: number | undefined
      const onSignal = (signal: NodeJS.Signals) => {
        const nowMs = performance.now()
        const isSecond = firstMs === undefined ? this.#ending : nowMs - firstMs > SAME_SIGNAL_MS
        firstMs ??= nowMs
        if (isSecond) {
          // Postgres and the relay end by themselves when we do.
          process.exit(signal === 'SIGINT' ? 130 : 143)
        }
        resolve(signal)
      }
      process.on('SIGINT', onSignal)
      process.on('SIGTERM', onSignal)
    })
  }

  /** Adds a part to be ended later. If everything is ending already, the part is ended at once. */
  async add(name: string, end: () => Promise<unknown>): Promise<void> {
    if (this.#ending) await end()
    else this.#ends.push({ name, end })
  }

  /**
   * Safe to call twice. Never rejects: a part that fails to end is printed, and the others still
   * end.
   */
  run(): Promise<void> {
    this.#ending ??= this.#run()
    return this.#ending
  }

  async #run(): Promise<void> {
    if (this.#ends.length === 0) return
    const startedMs = performance.now()
    const problems: string[] = []
    process.stdout.write(`\n  ${dim('Stopping:')}`)
    let separator = ' '
    for (const { name, end } of this.#ends.splice(0).reverse()) {
      process.stdout.write(dim(`${separator}${name}`))
      separator = ', '
      try {
        await Promise.race([end(), overdue()])
      } catch (error) {
        problems.push(`Stopping ${name} failed: ${messageOf(error)}`)
      }
    }
    say(dim(`. ${took(performance.now() - startedMs)}`))
    for (const problem of problems) say(`  ${red('✖')} ${problem}`)
  }
}

async function overdue(): Promise<never> {
  await sleep(END_TIMEOUT_MS, undefined, { ref: false })
  throw new Error(`still running after ${END_TIMEOUT_MS / 1_000} s`)
}
