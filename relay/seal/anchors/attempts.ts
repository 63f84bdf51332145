import { setTimeout as sleep } from 'node:timers/promises'
import { AuditError } from '../../../src/errors.ts'

const MOST_ATTEMPTS = 3
const FIRST_WAIT_MS = 500

/**
 * Tries up to three times, with waits of half a second and two seconds. A fork is no fault that a
 * second attempt could end.
 */
export async function inSomeAttempts<T>(attempt: () => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt()
    } catch (error) {
      const isFinal = error instanceof AuditError && error.code !== 'AUDIT_ANCHOR_FAILED'
      if (isFinal || tried === MOST_ATTEMPTS) throw error
      await sleep(FIRST_WAIT_MS * 4 ** (tried - 1))
    }
  }
}

export function anchorFailed(message: string): AuditError {
  return new AuditError('AUDIT_ANCHOR_FAILED', message)
}
