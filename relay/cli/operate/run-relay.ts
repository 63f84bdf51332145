import { type Logger, pino } from 'pino'
import { createRelay, type DrainResult, Relay } from '../../move/relay.ts'
import { BacklogReader } from '../../telemetry/backlog.ts'
import { type Environment, readConfig } from '../../config.ts'
import { followerOn } from '../../following/following.ts'
import { healthRoutes } from '../../http/health-routes.ts'
import { serveHttp } from '../../http/server.ts'
import { readHttpConfig } from '../../http/config.ts'
import { readSeal, stateDirOf } from '../../seal/seal-environment.ts'
import { LogSeal } from '../../seal/log-seal.ts'
import { openScheduledVerify } from '../../seal/scheduled/open-verify.ts'
import { resolveSealOptions } from '../../seal/seal-options.ts'
import { RelayMetrics } from '../../telemetry/metrics.ts'

export interface OnceBounds {
  readonly maxRows: number | undefined
  readonly deadlineMs: number
}

/** A relay, with what it serves over HTTP. */
export interface ServedRelay {
  readonly relay: Relay
  /** Where the page is, and the health checks. Undefined where it serves nothing. */
  readonly url: string | undefined
  readonly logger: Logger
  /** Finishes the batch in hand. */
  stop(): Promise<void>
}

/** Makes a relay that has not started, and serves what the environment asks for. */
export async function openRelay(environment: Environment): Promise<ServedRelay> {
  const { databaseUrl, logLevel, limits, partitionWidth } = readConfig(environment, 'relay')
  const httpConfig = readHttpConfig(environment)
  const logger = pino({ name: 'audit-relay', level: logLevel })
  const metrics = new RelayMetrics()
  const seal = await readSeal(environment)
  const options = { databaseUrl, logger, partitionWidth, seal, ...limits }
  const relay = new Relay({ ...options, stateDir: stateDirOf(environment) }, { observer: metrics })
  const verifying = await openScheduledVerify(environment, logger, {
    onRun: (run) => metrics.verify.ran(run),
    onRemembered: (last) => metrics.verify.remembered(last),
  })
  const backlog = new BacklogReader(databaseUrl, logger)
  const health = () => relay.health()
  const { maxLagMs } = limits
  const routes = healthRoutes({ health, metrics, backlog, maxLagMs, seal: () => relay.seal() })
  const http = httpConfig && (await serveHttp(httpConfig, logger, routes))
  void verifying?.start()
  const stop = async () => {
    await Promise.all([relay.stop(), verifying?.stop(), http?.stop(), backlog.close()])
  }
  return { relay, url: http?.url, logger, stop }
}

/** Runs until a signal: the first one finishes the batch in hand, the second one quits. */
export async function runRelay(environment: Environment): Promise<number> {
  const { relay, logger, stop } = await openRelay(environment)
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
 * Where there is a seal key, the log is sealed then. What follows the log takes what it holds then.
 *
 * @returns 0 drained, 3 rows left at a bound, 4 dead letters written
 */
export async function drainOnce(environment: Environment, bounds: OnceBounds): Promise<number> {
  const { databaseUrl, logLevel, limits, partitionWidth } = readConfig(environment, 'relay')
  const logger = pino({ name: 'audit-relay', level: logLevel })
  const options = await readSeal(environment)
  const relay = createRelay({ databaseUrl, logger, partitionWidth, ...limits })
  const settings = options && resolveSealOptions(options, stateDirOf(environment))
  const seal = settings && new LogSeal({ ...settings, url: databaseUrl, limits, logger })
  const follower = followerOn({ url: databaseUrl, ...limits }, logger)
  const stop = () => {
    void relay.stop()
    void follower.stop()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
  const progress = setInterval(() => logger.info({ ...relay.stats() }, 'moving'), 1_000)
  try {
    const result = await relay.drain(bounds)
    logger.info({ ...result }, result.isDrained ? 'drained' : 'stopped at a bound, with rows left')
    await follower.drain()
    const failures = await seal?.once()
    for (const [anchor, error] of failures ?? []) {
      logger.warn({ anchor, hint: error.message }, 'an anchor did not take the checkpoint')
    }
    return exitCode(result)
  } finally {
    clearInterval(progress)
    await relay.stop()
    await seal?.stop()
    await follower.stop()
  }
}

function exitCode({ isDrained, deadLetters }: DrainResult): number {
  if (deadLetters > 0) return DEAD_LETTERS
  return isDrained ? DRAINED : ROWS_LEFT
}
