import { randomUUID } from 'node:crypto'
import { createCapture } from '../../src/capture/capture.ts'
import type { RecorderStatements, ReporterIdentity } from '../../src/lanes/recorder-statements.ts'
import { RECORDER_LIMITS, resolveLimits } from '../../src/options.ts'
import { BoundRecorder } from '../../src/recorder/bound-recorder.ts'
import { Intake } from '../../src/recorder/intake.ts'
import { Pipeline } from '../../src/recorder/pipeline.ts'
import { compileRedactor } from '../../src/redact/redactor.ts'
import { quietLogger } from './quiet-logger.ts'

/** In the place of a database: it takes everything, keeps nothing, and has logged it at once. */
export function unsentStatements(): RecorderStatements {
  const epoch = randomUUID()
  return {
    stage: async () => epoch,
    laneState: async () => ({ epoch, firstWaiting: null }),
    report: async () => {},
    identity: async () => null,
    close: async () => {},
  }
}

/** A recorder, all of it, whose statements are these. */
export function recorderOver(
  open: (identity: ReporterIdentity) => RecorderStatements = unsentStatements,
  redact: undefined | false = undefined,
): BoundRecorder {
  return new BoundRecorder(new Intake(pipelineOver(open, redact), undefined))
}

function pipelineOver(
  open: (identity: ReporterIdentity) => RecorderStatements,
  redact: undefined | false,
): Pipeline {
  const limits = resolveLimits<keyof typeof RECORDER_LIMITS>(RECORDER_LIMITS, {}, process.env)
  const { maxEntryBytes } = limits
  const capture = createCapture({ maxEntryBytes, redactor: compileRedactor(redact) })
  return new Pipeline({ open, limits, logger: quietLogger, capture })
}

/** The same, but what was recorded is taken from the buffer and thrown away as it is. */
export function unencodedRecorder(): BoundRecorder {
  const pipeline = pipelineOver(unsentStatements, undefined)
  // In the place of the encoder that the pipeline has made: it is what the flush calls.
  Object.assign(pipeline.encoder, { rowOf: () => NO_ROW, arrayOf: () => '[]' })
  return new BoundRecorder(new Intake(pipeline, undefined))
}

const NO_ROW: readonly unknown[] = []
