import pRetry, { AbortError } from 'p-retry'

export interface RetryOptions {
  /** Ends the waiting and the trying. */
  readonly signal: AbortSignal
  /** Called after each failure that is tried again, before the wait. */
  readonly onFailure: (error: unknown) => void
  /** Whether trying again cannot help. Default: never. */
  readonly isFinal?: (error: unknown) => boolean
  /** Whether aborting also ends an attempt that is under way, its outcome unknown. */
  readonly tearsAttempt: boolean
}

/** A server that comes back is met soon, and asked no more than this meanwhile. */
const LONGEST_WAIT_MS = { from: 1_500, to: 2_500 } as const

/**
 * Tries until it works, is aborted or has failed for good, with growing, jittered waits of 100 ms
 * to about 2 s. Aborting ends the waiting at once.
 */
export function withRetry<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { signal, onFailure, tearsAttempt, isFinal = () => false } = options
  const { from, to } = LONGEST_WAIT_MS
  return pRetry(
    async () => {
      try {
        return await (tearsAttempt ? unlessAborted(attempt(), signal) : attempt())
      } catch (error) {
        if (signal.aborted || isFinal(error)) throw new AbortError(toError(error))
        onFailure(error)
        // Another error, because p-retry never tries a TypeError again and a driver may throw one.
        throw new Error('transient', { cause: error })
      }
    },
    {
      retries: Number.POSITIVE_INFINITY, // the caller's signal is the limit, not a count
      minTimeout: 100,
      // By chance too: p-retry cuts its jittered waits here, and whoever failed together would
      // from then on come back together.
      maxTimeout: Math.round(from + Math.random() * (to - from)),
      factor: 2,
      randomize: true,
      unref: false, // a drain on exit must keep the process alive
      signal,
    },
  )
}

function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(toError(signal.reason))
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error('not an error')
}
