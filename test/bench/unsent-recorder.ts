import { randomUUID } from 'node:crypto'
import { BoundRecorder } from '../../src/bound-recorder.ts'
import { RECORDER_LIMITS, resolveLimits } from '../../src/options.ts'
import { RecorderPath } from '../../src/recorder-path.ts'
import type { RecorderStatements } from '../../src/recorder-statements.ts'
import { compileRedactor } from '../../src/redact.ts'
import { createShaper } from '../../src/shape.ts'
import { quietLogger } from './bench-server.ts'

/** In the place of a database: it takes everything, keeps nothing, and has logged it at once. */
export function unsentStatements(): RecorderStatements {
  const epoch = randomUUID()
  return {
    stage: async () => epoch,
    laneState: async () => ({ epoch, firstWaiting: null }),
    report: async () => {},
    close: async () => {},
  }
}

/** A recorder, all of it, whose statements are these. */
export function recorderOver(
  open: (recorderId: string) => RecorderStatements = unsentStatements,
  redact: undefined | false = undefined,
): BoundRecorder {
  const limits = resolveLimits<keyof typeof RECORDER_LIMITS>(RECORDER_LIMITS, {}, process.env)
  const { maxEntryBytes } = limits
  const shaper = createShaper({ maxEntryBytes, redactor: compileRedactor(redact) })
  const path = new RecorderPath({ open, limits, logger: quietLogger, shaper, context: undefined })
  return new BoundRecorder(path, undefined)
}
