import { Health } from '../../relay/move/health.ts'
import { RelayMetrics } from '../../relay/telemetry/metrics.ts'

/** The name of each metric that `/metrics` can show, with the labels of its series. */
export async function exportedMetrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const logHeld = () => ({ pid: 1, login: 'shop_support', application: null, forMs: 1 })
  const health = new Health({ pollMaxMs: 1_000, statementTimeoutMs: 1_000 }, { logHeld })
  const metrics = new RelayMetrics()
  metrics.failed(new Error('so that the class of an error is shown'))
  metrics.batchMoved('staging', { claimed: 0, logged: 0, parked: 0 }, 1)
  metrics.logMeasured(1, 1)
  metrics.verify.ran({
    ...{ code: 5, rows: 1, counts: { changed: 1 }, durationMs: 1, ranMs: 1, provedMs: 1 },
  })
  const backlog = {
    depth: { staging: 0, outbox: 0 },
    isEstimate: { staging: false, outbox: false },
    oldestAgeMs: { staging: 0, outbox: 0 },
    lastSeq: 0,
    deadLetters: 0,
    gaps: 0,
    holds: 0,
    archiveLagMs: 0,
    dropped: {},
    follow: { search: 3 },
    seal: { size: 1, unsealed: 0, lagMs: 0 },
    retention: {
      atMs: 0,
      found: { blocked: [{ by: 'lock' }], oldest: { '*': '2026-01-01T00:00:00Z' } },
    },
  }
  const text = await metrics.expose(health.read(), backlog, {
    ...{ name: 'log', size: 1, unsealed: 0, missing: 0, refusal: null },
    anchors: [{ name: 'file', size: 1, ageMs: 0, isForked: false }],
  })
  const series = new Map<string, Set<string>>()
  for (const [, name = ''] of text.matchAll(/^# TYPE (\w+)/gm)) series.set(name, new Set())
  for (const [, name = '', labels = ''] of text.matchAll(/^(\w+)(?:{(.*)})? /gm)) {
    // A histogram is shown as three series.
    const known = series.get(name) ?? series.get(name.replace(/_(?:bucket|sum|count)$/, ''))
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known?.add(label)
  }
  return series
}

/** The names of series in a query of PromQL. */
export function metricsIn(query: string): readonly string[] {
  const bare = query.replaceAll(/"[^"]*"/g, '').replaceAll(/\b(?:by|on) \([^)]*\)/g, '')
  return bare.match(/\b[a-z]\w*_\w+\b(?!\()/g) ?? []
}
