import { processWide } from '../context/process-wide.ts'
import type { ActionMap } from '../entry.ts'
import type { Recorder } from '../recorder/recorder.ts'

const ofProcess = processWide<{ recorder: Recorder }>('processRecorder.1')

/** How long `close()` may take when the process ends, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000
const SIGNALS = { SIGINT: 130, SIGTERM: 143 } as const

/**
 * The recorder of this process: made at the first call, and the same one in every copy of this
 * module. It is closed when a signal ends the process.
 */
export function processRecorder<Actions extends ActionMap>(
  make: () => Recorder<Actions>,
): Recorder<Actions> {
  if (ofProcess.recorder === undefined) {
    const recorder = make() as unknown as Recorder
    ofProcess.recorder = recorder
    closeAtSignal(recorder)
  }
  return ofProcess.recorder as unknown as Recorder<Actions>
}

/**
 * Closes the recorder when the server that owns the signal's handler ends the process. That server
 * first finishes its requests, whose entries must still be accepted, and then calls
 * `process.exit()`. So after a signal that call waits for `close()`. If nobody handles the signal,
 * the process ends here.
 */
function closeAtSignal(recorder: Recorder): void {
  for (const [signal, code] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
    process.once(signal, function closeAudit() {
      const { exit } = process
      let isClosing = false
      const closeThenExit = (given?: number | string | null) => {
        if (isClosing) return
        isClosing = true
        void recorder.close({ timeoutMs: CLOSE_TIMEOUT_MS }).finally(() => {
          process.exit = exit
          exit(given)
        })
      }
      if (process.listenerCount(signal) === 0) return closeThenExit(code)
      process.exit = closeThenExit as typeof exit
    })
  }
}
