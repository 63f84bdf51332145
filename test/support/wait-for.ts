import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** The condition in words, for the failure, such as "the entry to reach the log". */
  what: string
  /** The longest wait, long enough for a busy machine. @default 60 000 */
  timeoutMs?: number
  /** @default 20 */
  intervalMs?: number
}

/** Checks the condition repeatedly until it holds. @throws {Error} after `timeoutMs` */
export async function waitFor(
  condition: () => Promise<boolean> | boolean,
  { what, timeoutMs = 60_000, intervalMs = 20 }: WaitOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() >= deadline) throw new Error(`Waited more than ${timeoutMs} ms for ${what}.`)
    await sleep(intervalMs)
  }
}
