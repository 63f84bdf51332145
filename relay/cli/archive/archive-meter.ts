const TERMINAL_EVERY_MS = 500
const LOG_EVERY_MS = 10_000

/** What goes on, on standard error: one line that changes, or one every 10 s in a log. */
export class ArchiveMeter {
  readonly #stream: NodeJS.WriteStream
  readonly #isQuiet: boolean
  readonly #timer: NodeJS.Timeout | undefined
  #text = ''
  #sinceMs = performance.now()
  #isLineOpen = false

  constructor(stream: NodeJS.WriteStream, { isQuiet }: { readonly isQuiet: boolean }) {
    this.#stream = stream
    this.#isQuiet = isQuiet
    if (isQuiet) return
    // By a timer, because the database may compare for a minute without a word.
    this.#timer = setInterval(this.#show, stream.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS)
    this.#timer.unref()
  }

  /** @param text such as `audit_log_2025_10: 12000 entries written` */
  now(text: string): void {
    this.#text = text
  }

  /** A line that stays. */
  note(text: string): void {
    if (this.#isQuiet) return
    this.#clear()
    this.#stream.write(`${text}\n`)
  }

  end(): void {
    clearInterval(this.#timer)
    this.#clear()
  }

  #show = (): void => {
    if (this.#text === '') return
    const seconds = Math.round((performance.now() - this.#sinceMs) / 1_000)
    const line = `${this.#text} (${seconds} s)`
    if (!this.#stream.isTTY) {
      this.#stream.write(`${line}\n`)
      return
    }
    this.#stream.write(`\r\x1b[K${line}`)
    this.#isLineOpen = true
  }

  #clear(): void {
    if (this.#isLineOpen) this.#stream.write('\r\x1b[K')
    this.#isLineOpen = false
  }
}
