import { REAL_IDS } from './real-ids.ts'
import { createRecorder } from '../../src/recorder/create-recorder.ts'

// A process that records entries and ends in one of the ways in which most processes end. Its
// arguments: the way, how many entries, the recorder's URL, and how long it lives before, in ms. Where
// REAL_IDS is set, it records an entry for each kind of id instead.

const WAYS: Readonly<Record<string, () => void>> = {
  exit: () => process.exit(0),
  throw: () => {
    throw new Error('an uncaught exception')
  },
  rejection: () => void Promise.reject(new Error('an unhandled rejection')),
  kill: () => process.kill(process.pid, 'SIGTERM'),
}

const [way = '', entries = '0', databaseUrl = '', livesMs = '0'] = process.argv.slice(2)
const audit = createRecorder({
  databaseUrl,
  flushIntervalMs: 20,
  ...(process.env['NO_DUMP'] && { exitDump: false }),
})
const recordAll = () => {
  if (process.env['REAL_IDS']) {
    for (const { given } of REAL_IDS) {
      audit.record({
        ...{ action: 'order.paid', userId: given, eventId: given, targetId: given },
        ...{ actorId: given, moreTargets: [given], outcome: 'failed' },
      })
    }
    return
  }
  for (let n = 0; n < Number(entries); n += 1) {
    audit.record({ action: 'order.paid', metadata: { n, way } })
  }
}
if (livesMs === '0') {
  recordAll()
  WAYS[way]?.()
} else {
  audit.record({ action: 'process.start' })
  setTimeout(() => {
    recordAll()
    WAYS[way]?.()
  }, Number(livesMs))
}
