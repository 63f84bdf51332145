import { pino } from 'pino'
import { createRelay, type DrainResult, Relay } from '../../move/relay.ts'
import { BacklogReader } from '../../telemetry/backlog.ts'
import { type Environment, readConfig } from '../../config.ts'
import { healthRoutes } from '../../http/health-routes.ts'
import { serveHttp } from '../../http/server.ts'
import { readHttpConfig } from '../../http/config.ts'
import { RelayMetrics } from '../../telemetry/metrics.ts'

export interface OnceBounds {
  readonly maxRows: number | undefined
  readonly deadlineMs: number
}

/** Runs until a signal: the first one finishes the batch in hand, the second one quits. */
export async function runRelay(environment: Environment): Promise<number> {
  const { databaseUrl, logLevel, limits } = readConfig(environment, 'relay')
  const httpConfig = readHttpConfig(environment)
  const logger = pino({ name: 'audit-relay', level: logLevel })
  const metrics = new RelayMetrics()
  const relay = new Relay({ databaseUrl, logger, ...limits }, { observer: metrics })
  const backlog = new BacklogReader(databaseUrl, logger)
  const health = () => relay.health()
  const { maxLagMs } = limits
  const routes = healthRoutes({ health, metrics, backlog, maxLagMs })
  const http = httpConfig && (await serveHttp(httpConfig, logger, routes))
  const stop = () => Promise.all([relay.stop(), http?.stop(), backlog.close()])
  let signals = 0
  const onSignal = (signal: NodeJS.Signals) => {
    signals += 1
    if (signals > 1) process.exit(signal === 'SIGINT' ? 130 : 143)
    logger.info({ signal }, 'finishing the batch in hand; a second signal quits at once')
    void stop().then(() => process.exit(0))
  }
  process.on('SIGTERM', onSignal)
  process.on('SIGINT', onSignal)
  await relay.start()
  await stop()
  return 0
}

/** Exit codes of one pass. */
const DRAINED = 0
const ROWS_LEFT = 3
const DEAD_LETTERS = 4

/**
 * Moves until the lanes are empty or a bound is reached: for cron, and after the last deployment.
 *
 * @returns 0 drained, 3 rows left at a bound, 4 dead letters written
 */
export async function drainOnce(environment: Environment, bounds: OnceBounds): Promise<number> {
  const { databaseUrl, logLevel, limits } = readConfig(environment, 'relay')
  const logger = pino({ name: 'audit-relay', level: logLevel })
  const relay = createRelay({ databaseUrl, logger, ...limits })
  const stop = () => void relay.stop()
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const progress = setInterval(() => logger.info({ ...relay.stats() }, 'moving'), 1_000)
  try {
    const result = await relay.drain(bounds)
    logger.info({ ...result }, result.isDrained ? 'drained' : 'stopped at a bound, with rows left')
    return exitCode(result)
  } finally {
    clearInterval(progress)
    await relay.stop()
  }
}

function exitCode({ isDrained, deadLetters }: DrainResult): number {
  if (deadLetters > 0) return DEAD_LETTERS
  return isDrained ? DRAINED : ROWS_LEFT
}
