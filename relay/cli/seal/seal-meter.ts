import type { SealReport } from '../../seal/sealer.ts'

const TERMINAL_EVERY_MS = 500
const LOG_EVERY_MS = 10_000

/** How far a long sealing is, on standard error: one line that changes, or one every 10 s in a log. */
export class SealMeter {
  readonly #stream: NodeJS.WriteStream
  #shownMs = performance.now()
  #isLineOpen = false

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream
  }

  sealed({ size, unsealed }: SealReport): void {
    const nowMs = performance.now()
    const { isTTY } = this.#stream
    if (nowMs - this.#shownMs < (isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS)) return
    this.#shownMs = nowMs
    const line = `${size} entries sealed, ${unsealed} left`
    this.#stream.write(isTTY ? `\r\x1b[K${line}` : `${line}\n`)
    this.#isLineOpen = isTTY
  }

  end(): void {
    if (this.#isLineOpen) this.#stream.write('\r\x1b[K')
    this.#isLineOpen = false
  }
}
