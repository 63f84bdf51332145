const kApi = Symbol.for('opentelemetry.js.api.1')
const kSpan = Symbol.for('OpenTelemetry Context Key SPAN')

/** What version 1 of `@opentelemetry/api` leaves in the process once tracing is set up. */
interface OpenTelemetryApi {
  readonly context?: { active(): { getValue(key: symbol): unknown } }
}

interface Span {
  spanContext(): { readonly traceId?: unknown }
}

const TRACE_ID = /^(?!0{32})[\da-f]{32}$/

/**
 * The trace id of OpenTelemetry's active span. Undefined without OpenTelemetry and outside of a
 * span. It needs no package, and may throw where another version left something else.
 */
export function activeTraceId(): string | undefined {
  const api = (globalThis as { [kApi]?: OpenTelemetryApi })[kApi]
  const span = api?.context?.active().getValue(kSpan) as Span | undefined
  const traceId = span?.spanContext().traceId
  return typeof traceId === 'string' && TRACE_ID.test(traceId) ? traceId : undefined
}
