import type { BacklogReader } from '../telemetry/backlog.ts'
import type { RelayHealth } from '../move/health.ts'
import type { LogSealReport } from '../seal/log-seal.ts'
import type { RelayMetrics } from '../telemetry/metrics.ts'
import { sealHealth } from './seal-health.ts'

export type Handler = (request: Request) => Promise<Response>

export interface HealthRoutesParts {
  readonly health: () => RelayHealth
  readonly metrics: RelayMetrics
  readonly backlog: BacklogReader
  /** How far the log is sealed by this process. Default: it seals nothing. */
  readonly seal?: () => LogSealReport | undefined
  /** The relay is not ready while the oldest waiting entry is older, in milliseconds. */
  readonly maxLagMs: number
}

/** How long a probe waits for the backlog. Kubernetes gives a probe one second by default. */
const PROBE_WAIT_MS = 400
const UNKNOWN_LAG_HINT = 'The backlog could not be read in time. If this lasts, the log says why.'

/**
 * `/livez`: if it fails, restart the relay. `/readyz`: entries are moved, and in time. `/sealz`: what is
 * moved is sealed. `/metrics`: figures for Prometheus.
 *
 * A sealer that refuses does not make the relay unready: entries go on to be moved, and a rollout that
 * it held up would help nobody.
 *
 * No route requires a token, because none shows anything of an entry.
 */
export function healthRoutes(parts: HealthRoutesParts): Readonly<Record<string, Handler>> {
  const { health, metrics, backlog, seal = () => undefined } = parts
  return {
    '/livez': readOnly(async () => {
      const { isAlive } = health()
      return answer(isAlive, { alive: isAlive })
    }),
    '/readyz': readOnly(async () => {
      const { isReady, ready } = await readiness(parts)
      return answer(isReady, ready)
    }),
    '/sealz': readOnly(async () => {
      const report = seal()
      const found = sealHealth(report)
      return answer(found.sealing, { ...found, ...report })
    }),
    '/metrics': readOnly(async () => {
      const found = health()
      // While the relay's own statements fail, reading the backlog would only wait for its
      // deadline.
      const waiting = found.failures > 0 ? undefined : await backlog.read()
      const text = await metrics.expose(found, waiting, seal())
      return new Response(text, { headers: { 'content-type': metrics.contentType } })
    }),
  }
}

async function readiness({ health, backlog, seal, maxLagMs }: HealthRoutesParts) {
  const { isReady: works, isAlive: _, reason, hint, ...rest } = health()
  const found = works ? await backlog.readWithin(PROBE_WAIT_MS) : backlog.latest
  const lagMs = found && Math.max(found.oldestAgeMs.staging, found.oldestAgeMs.outbox)
  const isLagging = works && lagMs !== undefined && lagMs > maxLagMs
  const lagHint = `The oldest entry has waited longer than AUDIT_MAX_LAG_MS (${maxLagMs}).`
  const isReady = works && !isLagging
  const ready = {
    ready: isReady,
    reason: isLagging ? 'lagging' : reason,
    ...rest,
    hint: isLagging ? lagHint : works && lagMs === undefined ? UNKNOWN_LAG_HINT : hint,
    // The values that were last read, if the relay's statements fail now.
    lagMs: lagMs === undefined ? null : Math.round(lagMs),
    depth: found?.depth ?? null,
    ...sealWord(seal?.()),
  }
  return { isReady, ready }
}

/** In one word, where this process seals. `/sealz` says more. */
function sealWord(report: LogSealReport | undefined) {
  return report && { seal: sealHealth(report).reason ?? 'on' }
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
