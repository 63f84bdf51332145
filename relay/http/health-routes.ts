import type { BacklogReader } from '../telemetry/backlog.ts'
import type { RelayHealth } from '../move/health.ts'
import type { RelayMetrics } from '../telemetry/metrics.ts'

export type Handler = (request: Request) => Promise<Response>

export interface HealthRoutesParts {
  readonly health: () => RelayHealth
  readonly metrics: RelayMetrics
  readonly backlog: BacklogReader
  /** Age of the oldest entry that waits, beyond which the relay is not ready. */
  readonly maxLagMs: number
}

/** Kubernetes gives a probe one second by default. */
const PROBE_WAIT_MS = 400
const UNKNOWN_LAG_HINT = 'What waits could not be read in time; where that lasts, the log says why.'

/**
 * `/livez`: restart me when it is red. `/readyz`: my work gets done. `/metrics`: figures.
 *
 * None of them says anything of an entry, so none of them asks who wants to know.
 */
export function healthRoutes(parts: HealthRoutesParts): Readonly<Record<string, Handler>> {
  const { health, metrics, backlog } = parts
  return {
    '/livez': readOnly(async () => {
      const { isAlive } = health()
      return answer(isAlive, { alive: isAlive })
    }),
    '/readyz': readOnly(async () => {
      const { isReady, ready } = await readiness(parts)
      return answer(isReady, ready)
    }),
    '/metrics': readOnly(async () => {
      const found = health()
      // While the relay itself cannot work, a look of ours would only wait for its deadline.
      const waiting = found.failures > 0 ? undefined : await backlog.read()
      const text = await metrics.expose(found, waiting)
      return new Response(text, { headers: { 'content-type': metrics.contentType } })
    }),
  }
}

async function readiness({ health, backlog, maxLagMs }: HealthRoutesParts) {
  const { isReady: works, isAlive: _, reason, hint, ...rest } = health()
  const found = works ? await backlog.readWithin(PROBE_WAIT_MS) : backlog.latest
  const lagMs = found && Math.max(found.oldestAgeMs.staging, found.oldestAgeMs.outbox)
  const isLagging = works && lagMs !== undefined && lagMs > maxLagMs
  const lagHint = `The oldest entry waits for longer than AUDIT_MAX_LAG_MS (${maxLagMs}).`
  const isReady = works && !isLagging
  const ready = {
    ready: isReady,
    reason: isLagging ? 'lagging' : reason,
    ...rest,
    hint: isLagging ? lagHint : works && lagMs === undefined ? UNKNOWN_LAG_HINT : hint,
    // As last read, where the relay does not work now.
    lagMs: lagMs === undefined ? null : Math.round(lagMs),
    depth: found?.depth ?? null,
  }
  return { isReady, ready }
}

function answer(isGreen: boolean, body: object): Response {
  return new Response(`${JSON.stringify(body)}\n`, {
    status: isGreen ? 200 : 503,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
}

function readOnly(handler: () => Promise<Response>): Handler {
  return async ({ method }) => {
    if (method === 'GET') return await handler()
    if (method !== 'HEAD')
      return new Response(null, { status: 405, headers: { allow: 'GET, HEAD' } })
    const { status, headers } = await handler()
    return new Response(null, { status, headers })
  }
}
