import { createHook } from 'node:async_hooks'
import { pino } from 'pino'

/** Records, is idle for a while, tells how many timers are alive then, and must end by itself. */

export interface IdleTimers {
  /** Timers that were made since the recorder's module was loaded and are not over, unref'd or not. */
  readonly alive: number
}

const alive = new Set<number>()
createHook({
  init: (id, type) => {
    if (type === 'Timeout') alive.add(id)
  },
  destroy: (id) => alive.delete(id),
}).enable()

const { createRecorder } = await import('../../src/index.ts')
const recorder = createRecorder({ logger: pino({ level: 'silent' }) })
for (let entry = 0; entry < 100; entry += 1) recorder.record({ action: 'page.view' })
await recorder.flush()
setTimeout(tell, Number(process.env['SETTLE_MS']))

function tell(): void {
  // This one is over, but destroyed only after its callback.
  const timers: IdleTimers = { alive: alive.size - 1 }
  process.send?.(timers, () => process.disconnect())
}
