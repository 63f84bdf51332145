import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { test } from 'node:test'
import {
  type Context,
  type ContextManager,
  context,
  ROOT_CONTEXT,
  type SpanContext,
  trace,
} from '@opentelemetry/api'
import { honoAudit } from 'audit-outbox/hono'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { Hono } from 'hono'

const OF_SPAN = '4bf92f3577b34da6a3ce929d0e0e4736'
const OF_HEADER = '0af7651916cd43dd8448eb211c80319c'

/** As that of OpenTelemetry's SDK for Node. */
class Contexts implements ContextManager {
  readonly #storage = new AsyncLocalStorage<Context>()
  active = () => this.#storage.getStore() ?? ROOT_CONTEXT
  with: ContextManager['with'] = (active, fn, self, ...args) =>
    this.#storage.run(active, () => fn.apply(self as never, args))
  bind: ContextManager['bind'] = (_active, target) => target
  enable = () => this
  disable = () => this
}

// Goal: an entry is found by the trace that the application's own tracing shows.
// Method: with the real API of OpenTelemetry, once within a span and once without one.
test('the trace is that of the active span, else that of the header', async (t) => {
  const recorder = createMemoryRecorder()
  const app = new Hono().use(honoAudit({ recorder }))
  app.get('/', (c) => c.json(c.var.audit.record({ action: 'a.b' })))
  const headers = { traceparent: `00-${OF_HEADER}-${'1'.repeat(16)}-01` }

  await app.request('/', { headers })
  context.setGlobalContextManager(new Contexts())
  t.after(() => context.disable())
  await app.request('/', { headers })
  const span: SpanContext = { traceId: OF_SPAN, spanId: '1'.repeat(16), traceFlags: 1 }
  for (const traceId of [OF_SPAN, '0'.repeat(32)]) {
    const active = trace.setSpanContext(context.active(), { ...span, traceId })
    await context.with(active, () => app.request('/', { headers }))
  }

  assert.deepEqual(
    recorder.entries.map(({ context }) => context['traceId']),
    [OF_HEADER, OF_HEADER, OF_SPAN, OF_HEADER],
  )
})
