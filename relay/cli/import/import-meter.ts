import { databaseFault } from '../../../src/errors.ts'
import type { ImportProgress } from '../../import/run-import.ts'

const TERMINAL_EVERY_MS = 500
const LOG_EVERY_MS = 10_000
/** A relay that runs moves some rows within this time, whatever else it does. */
const LONG_WAIT_MS = 10_000

/** How far an import is, on standard error: one line that changes, or one every 10 s in a log. */
export class ImportMeter {
  readonly #stream: NodeJS.WriteStream
  readonly #isQuiet: boolean
  readonly #beganMs = performance.now()
  #shownMs = performance.now()
  #failedMs = Number.NEGATIVE_INFINITY
  #readBefore: number | undefined
  #isLineOpen = false

  constructor(stream: NodeJS.WriteStream, { isQuiet }: { readonly isQuiet: boolean }) {
    this.#stream = stream
    this.#isQuiet = isQuiet
  }

  progress = ({ read, refused, waitingMs }: ImportProgress): void => {
    // What was read before this run says nothing about its speed.
    this.#readBefore ??= read
    const every = this.#stream.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS
    if (this.#isQuiet || performance.now() - this.#shownMs < every) return
    this.#shownMs = performance.now()
    const seconds = (performance.now() - this.#beganMs) / 1_000
    const perSecond = Math.round((read - this.#readBefore) / seconds)
    const refusals = refused > 0 ? `  ${refused} refused` : ''
    const wait =
      waitingMs > LONG_WAIT_MS
        ? `  nothing was moved for ${Math.round(waitingMs / 1_000)} s: does a relay run?`
        : ''
    this.#say(`${read} rows read  ${perSecond} rows/s${refusals}${wait}`)
  }

  /** To be told of each failure that is tried again. */
  failed = (error: unknown): void => {
    if (performance.now() - this.#failedMs < LOG_EVERY_MS) return
    this.#failedMs = performance.now()
    this.end()
    const { code } = databaseFault(error)
    const why = code === 'UNKNOWN' ? 'a crash has emptied the lane' : `the database fails (${code})`
    this.#stream.write(`${why}; the import goes on where it was\n`)
  }

  /** Ends the line that changes. */
  end(): void {
    if (this.#isLineOpen) this.#stream.write('\n')
    this.#isLineOpen = false
  }

  #say(text: string): void {
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`)
      return
    }
    this.#stream.write(`\r\x1b[K${text}`)
    this.#isLineOpen = true
  }
}
