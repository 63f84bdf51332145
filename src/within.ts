/** Node's longest timer, in milliseconds (24.8 days). A longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * Settles like the promise, or as `onLate` decides if the promise has not settled in time.
 *
 * A late promise keeps running. Its result is ignored, and its rejection is not reported as
 * unhandled. The timer keeps the process alive, because a caller awaits the answer. It is cleared
 * as soon as the promise settles.
 *
 * @param ms how long to wait, in milliseconds, from 0; more than 24.8 days counts as 24.8 days
 * @param onLate returns the value to resolve to, or throws the error to reject with
 */
export async function within<T, Late>(
  ms: number,
  promise: T | PromiseLike<T>,
  onLate: () => Late,
): Promise<Awaited<T> | Late> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.min(ms, MAX_TIMER_MS))
  }).then(onLate)
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
