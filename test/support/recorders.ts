import type { TestContext } from 'node:test'
import { createRecorder, type RecorderOptions } from '../../src/recorder/create-recorder.ts'
import type { Recorder } from '../../src/recorder/recorder.ts'
import type { ScratchDatabase } from './database.ts'
import { silentLogger } from './lanes.ts'

/** A recorder with the rights of `audit_app`, as in production. Closed after the test. */
export function recorderOn(
  t: TestContext,
  { urlAs }: Pick<ScratchDatabase, 'urlAs'>,
  options: RecorderOptions = {},
): Recorder {
  const recorder = createRecorder({
    databaseUrl: urlAs('audit_app'),
    logger: silentLogger(),
    flushIntervalMs: 5,
    closeTimeoutMs: 2_000,
    ...options,
  })
  t.after(() => recorder.close())
  return recorder
}
