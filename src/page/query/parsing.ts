import { AuditError } from '../../errors.ts'
import type { Zone } from '../../query/zone.ts'

/** The state of `readQuery`. */
export interface Parsing {
  readonly zone: Zone
  readonly nowMs: number
  readonly given: Record<string, string>
  readonly problems: Map<string, string>
  isCanonical: boolean
}

/** Runs a check of a value; what it throws becomes a message. */
export function check(name: string, problems: Map<string, string>, run: () => void): void {
  try {
    run()
  } catch (error) {
    // The message names the field. Here it is shown next to the field, so it begins with "Must".
    const message = error instanceof AuditError ? error.message : 'Is invalid.'
    problems.set(name, message.replace(/^\w+ must/, 'Must'))
  }
}
