/** The longest wait that a timer of Node's can hold; it runs out at once on anything longer. */
const MAX_TIMER_MS = 2 ** 31 - 1

/**
 * What the promise settles to, or what `onLate` says where it has not settled in time.
 *
 * The promise goes on when it is late, and what becomes of it then is dropped: a late rejection is
 * not an unhandled one. The timer keeps the process alive until one of the two has come, because
 * somebody awaits the answer; it is cleared as soon as the promise settles.
 *
 * @param ms how long to wait, in milliseconds: from 0 to 24.8 days, which stand for anything longer
 * @param onLate returns what to resolve to, or throws what to reject with
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
