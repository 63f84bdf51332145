import { setTimeout as sleep } from 'node:timers/promises'
import { messageOf } from './failures.ts'
import { dim, red, say, took } from './terminal.ts'

interface End {
  readonly name: string
  readonly end: () => Promise<unknown>
}

// One Ctrl-C arrives as up to three signals: from the terminal, from npm and from tsx.
const SAME_SIGNAL_MS = 300

/** Longer than any of those takes that know a limit of their own. */
const END_TIMEOUT_MS = 40_000

/** What is running, to be ended in the opposite order of its start. */
export class Ending {
  /**
   * Resolves with the first SIGINT or SIGTERM. The second one ends the process at once, and so does
   * the first one where everything is ending already.
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

  /** Something that was started while everything is already ending is ended at once. */
  async add(name: string, end: () => Promise<unknown>): Promise<void> {
    if (this.#ending) await end()
    else this.#ends.push({ name, end })
  }

  /** Safe to call twice. Never rejects: what does not end well is said, and the rest goes on. */
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
        problems.push(`${name} did not end well: ${messageOf(error)}`)
      }
    }
    say(dim(`. ${took(performance.now() - startedMs)}`))
    for (const problem of problems) say(`  ${red('✖')} ${problem}`)
  }
}

async function overdue(): Promise<never> {
  await sleep(END_TIMEOUT_MS, undefined, { ref: false })
  throw new Error(`it has not ended after ${END_TIMEOUT_MS / 1_000} s`)
}
