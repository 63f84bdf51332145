import { createInterface } from 'node:readline/promises'
import { REWRITTEN_BYTES_A_SECOND as MEASURED } from '../../../src/schema/text-ids.ts'
import type { RewritePlan, RewriteProgress } from '../../../src/schema/migrate.ts'
import { misuse } from '../command/misuse.ts'

const TERMINAL_EVERY_MS = 1_000
const LOG_EVERY_MS = 10_000
/** The files of the database say nothing of what is left to do behind this share. */
const MAX_SHARE = 0.99

/** Says on standard error what a rewrite takes, asks for it on a terminal, and shows how far it is. */
export class RewriteDialogue {
  readonly #isSure: boolean
  #shownMs = 0
  #startMs = 0
  #isLineOpen = false

  constructor({ isSure }: { readonly isSure: boolean }) {
    this.#isSure = isSure
  }

  agree = async ({ entries, bytes, seconds, neededBytes }: RewritePlan): Promise<boolean> => {
    this.#line(
      `The log holds about ${entries} entries, ${size(bytes)} with its indexes. To rewrite it takes ` +
        `${time(seconds.least)} to ${time(seconds.most)}: measured were ${MEASURED.most / 1e6} MB for ` +
        `each second of CPU, and ${MEASURED.least / 1e6} MB a second on a busy server. It needs ` +
        `${size(neededBytes)} of free disk space, and as much for the WAL. ` +
        'Until it has ended, entries wait in the lanes, and nobody can read the log.',
    )
    if (this.#isSure) return this.#begin()
    if (!process.stdin.isTTY || !process.stderr.isTTY) {
      throw misuse(
        'There is no terminal to ask on: --rewrite needs --yes here. Nothing was changed.',
      )
    }
    const asked = createInterface({ input: process.stdin, output: process.stderr })
    try {
      const answer = await asked.question('Rewrite it now? [y/N] ')
      return /^y(?:es)?$/i.test(answer.trim()) && this.#begin()
    } finally {
      asked.close()
    }
  }

  progress = ({ writtenBytes, neededBytes }: RewriteProgress): void => {
    const nowMs = performance.now()
    const every = process.stderr.isTTY ? TERMINAL_EVERY_MS : LOG_EVERY_MS
    if (nowMs - this.#shownMs < every) return
    this.#shownMs = nowMs
    const share = Math.min(MAX_SHARE, writtenBytes / neededBytes)
    const seconds = (nowMs - this.#startMs) / 1_000
    const left = share > 0 ? `about ${time((seconds / share) * (1 - share))} left` : 'began'
    const text = `${Math.floor(share * 100)} %  ${size(writtenBytes)} of about ${size(neededBytes)}  ${left}`
    if (process.stderr.isTTY) {
      process.stderr.write(`\r\x1b[K${text}`)
      this.#isLineOpen = true
    } else {
      this.#line(text)
    }
  }

  /** Ends the line that changes. */
  end(): void {
    if (this.#isLineOpen) this.#line('')
    this.#isLineOpen = false
  }

  #begin(): true {
    this.#startMs = performance.now()
    this.#shownMs = this.#startMs
    return true
  }

  #line(text: string): void {
    process.stderr.write(`${text}\n`)
  }
}

function size(bytes: number): string {
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`
}

function time(seconds: number): string {
  if (seconds < 100) return `${Math.ceil(seconds)} s`
  const minutes = Math.round(seconds / 60)
  return minutes < 100 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
