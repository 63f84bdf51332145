import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createCapture } from '../src/capture/capture.ts'
import { chooseRequestId } from '../src/frameworks/request/request-id.ts'
import {
  type AuditContext,
  type Recorder,
  record,
  setDefaultRecorder,
  withContext,
} from '../src/index.ts'
import { RECORDER_LIMITS, type RecorderLimits, resolveLimits } from '../src/options.ts'
import { BoundRecorder } from '../src/recorder/bound-recorder.ts'
import { Intake } from '../src/recorder/intake.ts'
import { Pipeline } from '../src/recorder/pipeline.ts'
import { compileRedactor } from '../src/redact/redactor.ts'
import { createMemoryRecorder } from '../src/testing/memory-recorder.ts'
import { silentLogger } from './support/lanes.ts'

// Goal: of several places that say who and where, the one that is nearest to the entry wins, and
// what it leaves unsaid is filled in by the next.
// Method: each pair of places, for each of the columns and for a detail, by both kinds of recorder.

const ID = (digit: number) => `${digit}1111111-1111-4111-8111-111111111111`

/** From the nearest to the farthest. */
const PLACES = ['entry', 'grandchild', 'child', 'option', 'inner scope', 'outer scope'] as const
type Place = (typeof PLACES)[number]
type Given = Readonly<Partial<Record<Place, AuditContext>>>

const FIELDS = ['userId', 'eventId', 'requestId', 'detail'] as const
type Field = (typeof FIELDS)[number]
type Known = Readonly<Record<Field, unknown>>

/** Records one entry, told what is given in each of the places. */
function recordWith(audit: Recorder, given: Given): void {
  const { entry = {}, grandchild, child } = given
  const { userId, eventId, requestId, ...details } = entry
  const ids = { userId, eventId, requestId }
  let recorder = child ? audit.child(child) : audit
  if (grandchild) recorder = recorder.child(grandchild)
  const isAlone = Object.keys(details).length === 0
  const own = { action: 'a.b', ...defined(ids), ...(isAlone ? {} : { context: details }) } as const
  const inScope = (context: AuditContext | undefined, fn: () => void) =>
    context ? withContext(context, fn) : fn()
  inScope(given['outer scope'], () => {
    inScope(given['inner scope'], () => void recorder.record(own))
  })
}

function defined(object: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined))
}

type Run = (given: Given) => Promise<Known>

const inMemory: Run = async (given) => {
  const audit = createMemoryRecorder({ context: () => given.option })
  recordWith(audit, given)
  const [entry] = audit.entries
  assert.ok(entry)
  const { userId, eventId, requestId, context } = entry
  return { userId, eventId, requestId, detail: context['detail'] ?? null }
}

/** The recorder of production, and what it would send to the database. */
const inProduction: Run = async (given) => {
  const limits: RecorderLimits = resolveLimits<keyof RecorderLimits>(RECORDER_LIMITS, {})
  const capture = createCapture({ maxEntryBytes: 32_768, redactor: compileRedactor(undefined) })
  const rows: unknown[][] = []
  const path = new Pipeline({
    open: () => ({
      stage: async (slices) => {
        rows.push(...slices.flatMap((slice) => JSON.parse(slice)))
        return 'one'
      },
      laneState: async () => ({ epoch: 'one', firstWaiting: null }),
      report: async () => {},
      identity: async () => null,
      close: async () => {},
    }),
    limits,
    logger: silentLogger(),
    capture,
  })
  const audit = new BoundRecorder(new Intake(path, () => given.option), undefined)
  recordWith(audit, given)
  await audit.close()
  const [, , , userId, eventId, , , , requestId, , details] = rows[0] ?? []
  const { detail } = Object(details)
  return {
    userId: userId ?? null,
    eventId: eventId ?? null,
    requestId: requestId ?? null,
    detail: detail ?? null,
  }
}

for (const [kind, run] of Object.entries({ inMemory, inProduction })) {
  test(`what is nearer to the entry wins, each field by itself: ${kind}`, async () => {
    for (const [at, near] of PLACES.entries()) {
      for (const far of PLACES.slice(at + 1)) {
        for (const field of FIELDS) {
          // The far one knows everything, the near one this field alone.
          const everything = Object.fromEntries(FIELDS.map((name) => [name, ID(2)]))
          const known = await run({ [near]: { [field]: ID(1) }, [far]: everything })
          assert.deepEqual(
            known,
            { ...everything, [field]: ID(1) },
            `${near} over ${far}: ${field}`,
          )
        }
      }
    }
  })

  test(`null says none, wherever it is said: ${kind}`, async () => {
    for (const [at, near] of PLACES.entries()) {
      const far = PLACES[at + 1]
      if (far === undefined) continue
      for (const field of ['userId', 'eventId', 'requestId'] as const) {
        const known = await run({ [near]: { [field]: null }, [far]: { [field]: ID(2) } })
        assert.equal(known[field], null, `${near} over ${far}: ${field}`)
      }
    }
  })
}

test('a request id of the application wins over the header, and that over a new one', () => {
  assert.equal(chooseRequestId('given', 'incoming'), 'given')
  assert.equal(chooseRequestId('not fit', 'incoming'), 'incoming')
  assert.equal(chooseRequestId(undefined, 'incoming'), 'incoming')
  assert.match(chooseRequestId(undefined, 'not fit'), /^[0-9a-f-]{36}$/)
})

test('the recorder of the innermost scope wins over the default one', (t) => {
  const [standard, outer, inner] = [1, 2, 3].map(() => createMemoryRecorder())
  setDefaultRecorder(standard)
  t.after(() => setDefaultRecorder(undefined))
  record({ action: 'a.outside' })
  outer?.withContext({}, () => {
    record({ action: 'a.outer' })
    inner?.withContext({}, () => record({ action: 'a.inner' }))
    withContext({ detail: 1 }, () => record({ action: 'a.still_outer' }))
  })
  const actions = [standard, outer, inner].map((one) => one?.entries.map(({ action }) => action))
  assert.deepEqual(actions, [['a.outside'], ['a.outer', 'a.still_outer'], ['a.inner']])
})
