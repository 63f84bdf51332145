import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { DropReason } from '../../src/entry.ts'
import { databaseFault } from '../../src/errors.ts'
import { LANES, type MovedLane } from '../../src/lanes/lane.ts'
import type { Backlog, LastRetention } from './backlog.ts'
import type { Compacted } from '../maintenance/compact.ts'
import type { RelayHealth } from '../move/health.ts'
import type { Moved } from '../move/move-statement.ts'
import type { LogSealReport } from '../seal/log-seal.ts'
import { SealMetrics } from './seal-metrics.ts'
import type { RelayObserver } from '../move/observer.ts'
import { VerifyMetrics } from './verify-metrics.ts'

/**
 * What a relay counts and what it finds, for Prometheus.
 *
 * What ends in `_total` was done by this process, and adds up over several relays. What is read
 * from the database is the same for each of them, and is absent while the database does not answer.
 */
export class RelayMetrics implements RelayObserver {
  readonly #registry = new Registry()
  readonly #told = new WeakSet<object>()

  readonly #cycles = this.#counter('cycles_total', 'Completed cycles.')
  readonly #moved = this.#counter('moved_total', 'Rows taken from a lane.', ['lane'])
  readonly #logged = this.#counter('logged_total', 'Entries that are new in the log.', ['lane'])
  readonly #died = this.#counter('dead_letters_total', 'Entries that became dead letters.', [
    'lane',
  ])
  readonly #gaps = this.#counter('gaps_total', 'Gaps that this relay declared in the log.')
  readonly #errors = this.#counter(
    'errors_total',
    'Failures, by class of SQLSTATE; "connection", "deadline" and "schema" have none.',
    ['sqlstate_class'],
  )
  readonly #compactions = this.#counter(
    'compactions_total',
    'Busy tables that were compacted, or skipped because somebody held a lock.',
    ['result'],
  )
  readonly #batches = new Histogram({
    name: 'audit_relay_batch_duration_seconds',
    help: 'Time to move one batch, with all that had to be tried again.',
    labelNames: ['lane'],
    buckets: [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers: [this.#registry],
  })

  readonly #ready = this.#gauge('ready', '1 while /readyz would be green, but for the lag.')
  readonly #outage = this.#gauge('outage', '1 from the first failure to the next completed cycle.')
  readonly #stoodBack = this.#gauge(
    'stood_back_seconds',
    'How long it has stood back while others move; 0 while it does not.',
  )
  readonly #blocked = this.#gauge(
    'blocked',
    '1 while it stands back behind a session that is no relay, or behind a relay that makes no progress.',
  )
  readonly #logHeld = this.#gauge(
    'log_held_seconds',
    'How long a session has held a lock of the log; absent below AUDIT_MAX_LOCK_MS.',
    ['login'],
  )
  readonly #lastCycle = this.#gauge(
    'last_cycle_timestamp_seconds',
    'When the last cycle was completed.',
  )
  readonly #depth = this.#gauge(
    'lane_depth',
    'Rows that wait in a lane; an estimate where they take more than 4 MiB.',
    ['lane'],
  )
  readonly #age = this.#gauge('lane_oldest_age_seconds', 'Age of the oldest of them.', ['lane'])
  readonly #lastSeq = this.#gauge('last_seq', 'The last seq of the log.')
  readonly #parked = this.#gauge(
    'dead_letters_parked',
    'Dead letters in the database, counted up to 10000.',
  )
  readonly #declared = this.#gauge('gaps_declared', 'Gaps declared in the log by any relay, ever.')
  readonly #logBytes = this.#gauge(
    'log_bytes',
    'The log with its indexes on disk, as this relay measured it last: once an hour.',
  )
  readonly #logMaxBytes = this.#gauge(
    'log_max_bytes',
    'AUDIT_MAX_LOG_BYTES; absent where the log may be of any size.',
  )
  readonly #holds = this.#gauge('holds', 'Legal holds in force.')
  readonly #archiveLag = this.#gauge(
    'archive_lag_seconds',
    'How long ago the oldest partition ended that waits to be archived.',
  )
  readonly #retentionRun = this.#gauge(
    'retention_last_run_timestamp_seconds',
    'When "audit-relay retention --apply" ended last; absent where it never has.',
  )
  readonly #retentionBlocked = this.#gauge(
    'retention_blocked',
    'Partitions that had to stay in its last run: by lock, cursor, archive, hold, seal or changes.',
    ['by'],
  )
  readonly #retentionOldest = this.#gauge(
    'retention_oldest_age_seconds',
    'Age of the oldest entries that a policy is for, as of that run, to the width of a partition.',
    ['actions'],
  )
  readonly #dropped = this.#counter(
    'recorder_drops_total',
    'Entries that recorders dropped, as they reported it to the database.',
    ['reason'],
  )

  readonly #follow = new Gauge<'consumer'>({
    name: 'audit_follow_lag_seqs',
    help: 'Entries that what is made of the log lacks; absent where it is off. Of the search up to 4,095 always wait.',
    labelNames: ['consumer'],
    registers: [this.#registry],
  })
  readonly #seal = new SealMetrics(this.#registry)
  /** Where this relay verifies the log, too. */
  readonly verify = new VerifyMetrics(this.#registry)

  constructor() {
    collectDefaultMetrics({ register: this.#registry })
    for (const gauge of [this.#logBytes, this.#logMaxBytes]) gauge.remove()
    this.#compactions.inc({ result: 'won' }, 0)
    this.#compactions.inc({ result: 'skipped' }, 0)
    for (const lane of LANES) {
      for (const counter of [this.#moved, this.#logged, this.#died]) counter.inc({ lane }, 0)
    }
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  cycleCompleted(): void {
    this.#cycles.inc()
    this.#lastCycle.setToCurrentTime()
  }

  batchMoved(lane: MovedLane, { claimed, logged, parked }: Moved, durationMs: number): void {
    this.#moved.inc({ lane }, claimed)
    this.#logged.inc({ lane }, logged)
    this.#died.inc({ lane }, parked)
    this.#batches.observe({ lane }, durationMs / 1_000)
  }

  failed(error: unknown): void {
    if (typeof error === 'object' && error !== null) {
      if (this.#told.has(error)) return
      this.#told.add(error)
    }
    this.#errors.inc({ sqlstate_class: sqlstateClass(error) })
  }

  gapDeclared(): void {
    this.#gaps.inc()
  }

  compacted({ compacted, skipped }: Compacted): void {
    this.#compactions.inc({ result: 'won' }, compacted)
    this.#compactions.inc({ result: 'skipped' }, skipped)
  }

  logMeasured(bytes: number, maxBytes: number): void {
    this.#logBytes.set(bytes)
    if (maxBytes > 0) this.#logMaxBytes.set(maxBytes)
  }

  /** Everything, in Prometheus' text format. */
  async expose(
    health: RelayHealth,
    backlog: Backlog | undefined,
    seal?: LogSealReport,
  ): Promise<string> {
    this.#ready.set(health.isReady ? 1 : 0)
    this.#outage.set(health.failures > 0 ? 1 : 0)
    this.#stoodBack.set((health.stoodBack?.forMs ?? 0) / 1_000)
    this.#blocked.set(health.stoodBack?.isBlocked ? 1 : 0)
    this.#logHeld.reset()
    if (health.logHeld) {
      const login = health.logHeld.login ?? 'unknown'
      this.#logHeld.set({ login }, health.logHeld.forMs / 1_000)
    }
    this.#showBacklog(backlog)
    this.#seal.show(backlog?.seal, seal)
    return await this.#registry.metrics()
  }

  #showBacklog(backlog: Backlog | undefined): void {
    this.#dropped.reset()
    for (const gauge of [this.#lastSeq, this.#parked, this.#declared, this.#archiveLag]) {
      gauge.remove()
    }
    for (const gauge of [this.#depth, this.#age]) gauge.reset()
    for (const gauge of [this.#retentionBlocked, this.#retentionOldest]) gauge.reset()
    this.#retentionRun.remove()
    this.#follow.reset()
    if (backlog === undefined) return
    this.#lastSeq.set(backlog.lastSeq)
    this.#parked.set(backlog.deadLetters)
    this.#declared.set(backlog.gaps)
    this.#holds.set(backlog.holds)
    this.#showRetention(backlog.retention)
    if (backlog.archiveLagMs !== null) this.#archiveLag.set(backlog.archiveLagMs / 1_000)
    for (const [consumer, lag] of Object.entries(backlog.follow)) {
      this.#follow.set({ consumer }, lag)
    }
    const { importDepth = 0 } = backlog
    if (importDepth > 0) this.#depth.set({ lane: 'import' }, importDepth)
    for (const lane of LANES) {
      this.#depth.set({ lane }, backlog.depth[lane])
      this.#age.set({ lane }, backlog.oldestAgeMs[lane] / 1_000)
    }
    for (const [reason, count] of Object.entries({ ...NO_DROPS, ...backlog.dropped })) {
      this.#dropped.inc({ reason }, count)
    }
  }

  #showRetention(last: LastRetention | null): void {
    if (last === null) return
    this.#retentionRun.set(last.atMs / 1_000)
    for (const by of BLOCKED_BY) this.#retentionBlocked.set({ by }, 0)
    for (const { by } of last.found?.blocked ?? []) this.#retentionBlocked.inc({ by })
    for (const [actions, from] of Object.entries(last.found?.oldest ?? {})) {
      this.#retentionOldest.set({ actions }, (Date.now() - Date.parse(from)) / 1_000)
    }
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) {
    return new Counter<Label>({
      name: `audit_relay_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    })
  }

  #gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []) {
    return new Gauge<Label>({
      name: `audit_relay_${name}`,
      help,
      labelNames: [...labelNames],
      registers: [this.#registry],
    })
  }
}

const BLOCKED_BY = ['lock', 'cursor', 'archive', 'hold', 'seal', 'changes'] as const

/** Each reason is shown from the start: Prometheus sees no rise in a counter that begins above 0. */
const NO_DROPS: Readonly<Record<DropReason, number>> = {
  full: 0,
  unshapable: 0,
  reserved: 0,
  closed: 0,
  reentrant: 0,
  disabled: 0,
  timeout: 0,
  refused: 0,
}

const CLASS_OF: Readonly<Record<string, string>> = {
  AUDIT_DEADLINE_PASSED: 'deadline',
  AUDIT_SCHEMA_MISMATCH: 'schema',
}

function sqlstateClass(error: unknown): string {
  const { code } = databaseFault(error)
  return /^[0-9A-Z]{5}$/.test(code) ? code.slice(0, 2) : (CLASS_OF[code] ?? 'connection')
}
