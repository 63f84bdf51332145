import pRetry, { AbortError } from 'p-retry'

export interface RetryOptions {
  /** Ends the retries. */
  readonly signal: AbortSignal
  /** Called after each failure that will be retried, before the wait. */
  readonly onFailure: (error: unknown) => void
  /**
   * Whether the attempt would fail again with this error, so that it is not retried. Default: no.
   */
  readonly isFinal?: (error: unknown) => boolean
  /**
   * Whether aborting also rejects during an attempt. The outcome of the attempt is then unknown.
   */
  readonly tearsAttempt: boolean
}

/** Short enough to notice soon that a server is back, long enough not to burden it. */
const LONGEST_WAIT_MS = { from: 1_500, to: 2_500 } as const

/**
 * Repeats the attempt until it succeeds, the signal aborts, or `isFinal` says that a retry is
 * useless. The waits grow from 100 ms to about 2 s and are jittered. Aborting ends a wait at once.
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
        // Wrapped, because p-retry never retries a TypeError and a driver may throw one.
        throw new Error('transient', { cause: error })
      }
    },
    {
      retries: Number.POSITIVE_INFINITY, // the caller's signal is the limit, not a count
      minTimeout: 100,
      // Random too, because p-retry cuts its jittered waits to this value. With a fixed value,
      // clients that failed together would retry together from then on.
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
