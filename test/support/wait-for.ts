import { setTimeout as sleep } from 'node:timers/promises'

export interface WaitOptions {
  /** What is waited for, as the failure should name it: "the entry to reach the log". */
  what: string
  /** How long a machine that does other things may take. @default 60 000 */
  timeoutMs?: number
  /** @default 20 */
  intervalMs?: number
}

/** Looks again and again until the condition holds. @throws when that takes too long */
export async function waitFor(
  condition: () => Promise<boolean> | boolean,
  { what, timeoutMs = 60_000, intervalMs = 20 }: WaitOptions,
): Promise<void> {
  const deadline = Date.now() + timeoutMs
  while (!(await condition())) {
    if (Date.now() >= deadline) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`)
    await sleep(intervalMs)
  }
}
