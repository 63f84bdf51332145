import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { before, test } from 'node:test'
import { parse } from 'yaml'
import { anchorsOf, ROOT, readDocument } from './support/documents.ts'
import { exportedMetrics, metricsIn } from './support/exported-metrics.ts'
import { promtoolOrReason } from './support/promtool.ts'

const FILE = 'relay/deploy/alerts.yaml'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: { readonly severity: string }
  readonly annotations: {
    readonly summary: string
    readonly description: string
    readonly runbook_url: string
  }
}
const rules: readonly Rule[] = parse(readDocument(FILE)).groups.flatMap(
  (group: { readonly rules: readonly Rule[] }) => group.rules,
)

test('each rule asks for metrics that a relay exports', async () => {
  const exported = await exportedMetrics()
  assert.ok(rules.length >= 8)
  for (const { alert, expr } of rules) {
    const asked = metricsIn(expr)
    assert.notDeepEqual(asked, [], alert)
    for (const metric of asked) assert.ok(exported.has(metric), `${alert}: ${metric}`)
  }
})

test('each rule says what is wrong, what to do, and where to read on', () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels.severity, /^(?:critical|warning)$/, alert)
    assert.match(annotations.summary, /\.$/, alert)
    assert.match(annotations.description, /\.$/, alert)
    const page = 'https://github.com/audit-outbox/audit-outbox/blob/main/relay/README.md#'
    assert.ok(annotations.runbook_url.startsWith(page), alert)
    const anchor = annotations.runbook_url.slice(page.length)
    assert.equal(anchor, alert.toLowerCase())
    assert.ok(anchorsOf('relay/README.md').has(anchor), `relay/README.md has no heading ${anchor}`)
  }
})

/** What Prometheus sees, and the alerts that fire after that. */
interface Story {
  readonly what: string
  /** Series in promtool's notation, a value a minute: `1x9` is ten times 1. Over those of HEALTHY. */
  readonly series: Readonly<Record<string, string>>
  /** The series of HEALTHY that are not there. */
  readonly without?: readonly string[]
  /** @default '10m' */
  readonly at?: string
  /** By name, with the labels other than `severity`, and the summary that a person gets. */
  readonly fires: Readonly<Record<string, { readonly labels: object; readonly summary: string }>>
}

const [ONE, TWO] = ['job="shop", instance="one:9464"', 'job="shop", instance="two:9464"']

/** Two relays of one database, of which one stands by. */
const HEALTHY: Readonly<Record<string, string>> = Object.fromEntries(
  [ONE, TWO].flatMap((relay) => [
    [`audit_relay_ready{${relay}}`, '1x200'],
    [`audit_relay_blocked{${relay}}`, '0x200'],
    [`audit_relay_dead_letters_parked{${relay}}`, '0x200'],
    [`audit_relay_gaps_declared{${relay}}`, '3x200'],
    [`audit_relay_recorder_drops_total{${relay}, reason="full"}`, '500x200'],
    [`audit_relay_lane_oldest_age_seconds{${relay}, lane="staging"}`, '0.2x200'],
    [`audit_relay_lane_oldest_age_seconds{${relay}, lane="outbox"}`, '0x200'],
    [`audit_seal_lag_seconds{${relay}}`, '4x200'],
    [`audit_seal_refused{${relay}}`, '0x200'],
    [`audit_seal_missing_total{${relay}}`, '0x200'],
    [`audit_anchor_age_seconds{${relay}, anchor="file"}`, '30x200'],
    [`audit_anchor_forked{${relay}, anchor="file"}`, '0x200'],
  ]),
)

const STORIES: readonly Story[] = [
  { what: 'all is well', series: {}, fires: {} },
  { what: 'all has been well for hours', series: {}, at: '3h', fires: {} },
  {
    what: 'one of two relays does not work',
    series: { [`audit_relay_ready{${ONE}}`]: '0x20' },
    fires: {},
  },
  {
    what: 'no relay works',
    series: { [`audit_relay_ready{${ONE}}`]: '0x20', [`audit_relay_ready{${TWO}}`]: '0x20' },
    fires: {
      AuditRelayNotReady: {
        labels: { job: 'shop' },
        summary: 'No relay of shop does its work. Entries wait in their lanes.',
      },
    },
  },
  {
    what: 'there never was a relay',
    series: { 'up{job="other"}': '1x20' },
    without: Object.keys(HEALTHY),
    fires: {
      AuditRelayAbsent: {
        labels: {},
        summary: 'No relay answers Prometheus. Entries wait in their lanes.',
      },
    },
  },
  {
    what: 'the relays of one of two databases are gone',
    series: {
      [`audit_relay_ready{${ONE}}`]: '1x5 _x30',
      [`audit_relay_ready{${TWO}}`]: '1x5 _x30',
      'audit_relay_ready{job="forum", instance="one:9464"}': '1x200',
    },
    at: '20m',
    fires: {
      AuditRelayAbsent: {
        labels: { job: 'shop' },
        summary: 'No relay of shop answers Prometheus. Entries wait in their lanes.',
      },
    },
  },
  {
    what: 'the relays have been gone for two minutes, after the five in which Prometheus keeps a value',
    series: {
      [`audit_relay_ready{${ONE}}`]: '1x5 _x30',
      [`audit_relay_ready{${TWO}}`]: '1x5 _x30',
    },
    at: '12m',
    fires: {},
  },
  {
    what: 'nothing is sealed any more, and one of two relays refuses to',
    series: {
      [`audit_seal_lag_seconds{${ONE}}`]: '300x20',
      [`audit_seal_lag_seconds{${TWO}}`]: '300x20',
      [`audit_seal_refused{${TWO}}`]: '1x20',
    },
    fires: {
      AuditSealLate: {
        labels: { job: 'shop' },
        summary: 'The oldest entry of shop has waited 5m 0s to be sealed.',
      },
      AuditSealRefused: {
        labels: { job: 'shop' },
        summary:
          'The sealer of shop refuses to go on, because the database is not the one that it sealed.',
      },
    },
  },
  {
    what: 'entries were gone before they were sealed',
    series: { [`audit_seal_missing_total{${TWO}}`]: '2x20' },
    fires: {
      AuditSealMissing: {
        labels: { job: 'shop' },
        summary: '2 entries of shop were gone before they were sealed.',
      },
    },
  },
  {
    what: 'verify finds that the log was tampered with',
    series: {
      [`audit_verify_code{${ONE}}`]: '5x20',
      [`audit_verify_last_proved_timestamp_seconds{${ONE}}`]: '0x20',
    },
    fires: {
      AuditVerifyFailed: {
        labels: { job: 'shop' },
        summary: 'Verify found that the log of shop is not proved (code 5).',
      },
    },
  },
  {
    what: 'verify has not proved the log for days',
    series: { [`audit_verify_last_proved_timestamp_seconds{${ONE}}`]: '-300000x80' },
    at: '70m',
    fires: {
      AuditVerifyOverdue: {
        labels: { job: 'shop' },
        summary: 'The log of shop was proved 3d 12h 30m 0s ago for the last time.',
      },
    },
  },
  {
    what: 'no relay reaches an anchor, which knows another log',
    series: {
      [`audit_anchor_age_seconds{${ONE}, anchor="file"}`]: '1200x20',
      [`audit_anchor_age_seconds{${TWO}, anchor="file"}`]: '1200x20',
      [`audit_anchor_forked{${ONE}, anchor="file"}`]: '1x20',
    },
    fires: {
      AuditAnchorLate: {
        labels: { anchor: 'file', job: 'shop' },
        summary: 'The anchor file of shop has lacked the newest checkpoint for 20m 0s.',
      },
      AuditAnchorForked: {
        labels: { anchor: 'file', job: 'shop' },
        summary: 'The anchor file knows another log under the name of shop.',
      },
    },
  },
  {
    what: 'a session holds the head of the log',
    series: { [`audit_relay_blocked{${TWO}}`]: '1x20' },
    fires: {
      AuditLogBlocked: {
        labels: { job: 'shop' },
        summary: 'A session holds the head of the log of shop, and nothing is moved.',
      },
    },
  },
  {
    what: 'a lane is late',
    series: { [`audit_relay_lane_oldest_age_seconds{${ONE}, lane="staging"}`]: '90x20' },
    fires: {
      AuditEntriesLate: {
        labels: { job: 'shop', lane: 'staging' },
        summary: 'The oldest entry in staging of shop has waited for 1m 30s.',
      },
    },
  },
  {
    what: 'all goes wrong, a moment ago',
    series: {
      [`audit_relay_ready{${ONE}}`]: '1x8 0',
      [`audit_relay_ready{${TWO}}`]: '1x8 0',
      [`audit_relay_blocked{${TWO}}`]: '0x8 1',
      [`audit_relay_lane_oldest_age_seconds{${ONE}, lane="staging"}`]: '0x8 90',
      [`audit_relay_log_held_seconds{${ONE}, login="shop_support"}`]: '_x8 1200',
      [`audit_relay_dead_letters_parked{${ONE}}`]: '0x8 2',
    },
    at: '9m',
    fires: {},
  },
  {
    what: 'a reader keeps its transaction open',
    series: { [`audit_relay_log_held_seconds{${ONE}, login="shop_support"}`]: '1200x20' },
    fires: {
      AuditLogLockHeld: {
        labels: { job: 'shop', login: 'shop_support' },
        summary: 'A session of shop_support has held a lock of the log of shop for 20m 0s.',
      },
    },
  },
  {
    what: 'a log that is larger than it should be, as both relays say',
    series: {
      [`audit_relay_log_bytes{${ONE}}`]: '900x20 1100x90',
      [`audit_relay_log_bytes{${TWO}}`]: '900x20 1100x90',
      [`audit_relay_log_max_bytes{${ONE}}`]: '1000x120',
      [`audit_relay_log_max_bytes{${TWO}}`]: '1000x120',
    },
    at: '100m',
    fires: {
      AuditLogTooLarge: {
        labels: { job: 'shop' },
        summary: 'The log of shop has 1.074kiB, more than it should have.',
      },
    },
  },
  {
    what: 'a log without a maximum',
    series: { [`audit_relay_log_bytes{${ONE}}`]: '1100x120' },
    at: '100m',
    fires: {},
  },
  {
    what: 'dead letters',
    series: { [`audit_relay_dead_letters_parked{${ONE}}`]: '2x20' },
    fires: {
      AuditDeadLetters: {
        labels: { job: 'shop' },
        summary: '2 entries of shop were refused by the log and are dead letters.',
      },
    },
  },
  {
    what: 'a gap, which both relays report',
    series: {
      [`audit_relay_gaps_declared{${ONE}}`]: '3x5 4x20',
      [`audit_relay_gaps_declared{${TWO}}`]: '3x5 4x20',
    },
    fires: {
      AuditGapDeclared: {
        labels: { job: 'shop' },
        summary: 'A crash of the server of shop emptied staging, and a gap was declared.',
      },
    },
  },
  {
    what: 'a gap of two hours ago',
    series: {
      [`audit_relay_gaps_declared{${ONE}}`]: '3x5 4x200',
      [`audit_relay_gaps_declared{${TWO}}`]: '3x5 4x200',
    },
    at: '2h',
    fires: {},
  },
  {
    what: 'a relay is replaced, and the new one begins with the old counts',
    series: {
      [`audit_relay_gaps_declared{${ONE}}`]: '3x5 _x20',
      [`audit_relay_recorder_drops_total{${ONE}, reason="full"}`]: '500x5 _x20',
      'audit_relay_gaps_declared{job="shop", instance="three:9464"}': '_x5 3x20',
      'audit_relay_recorder_drops_total{job="shop", instance="three:9464", reason="full"}':
        '_x5 500x20',
    },
    fires: {},
  },
  {
    what: 'entries are dropped for a new reason, which both relays report',
    series: {
      [`audit_relay_recorder_drops_total{${ONE}, reason="timeout"}`]: '0x30 70x40',
      [`audit_relay_recorder_drops_total{${TWO}, reason="timeout"}`]: '0x30 70x40',
    },
    at: '60m',
    fires: {
      AuditEntriesDropped: {
        labels: { job: 'shop', reason: 'timeout' },
        summary: 'Recorders of shop dropped about 70 entries in an hour, because "timeout".',
      },
    },
  },
]

/** A story as a test of promtool, in which every rule is asked for what it fires. */
function toUnitTest({ what, series, without = [], at = '10m', fires }: Story) {
  const seen = Object.entries({ ...HEALTHY, ...series }).filter(
    ([name]) => name in series || !without.includes(name),
  )
  return {
    name: what,
    interval: '1m',
    input_series: seen.map(([name, values]) => ({ series: name, values })),
    alert_rule_test: rules.map(({ alert, labels, annotations }) => {
      const fired = fires[alert]
      const { summary } = fired ?? {}
      return {
        alertname: alert,
        eval_time: at,
        exp_alerts: fired
          ? [
              {
                exp_labels: { ...labels, ...fired.labels },
                exp_annotations: { ...annotations, summary },
              },
            ]
          : [],
      }
    }),
  }
}

let promtool: ReturnType<typeof promtoolOrReason>
before(() => {
  promtool = promtoolOrReason()
})

test('promtool accepts the rules', (t) => {
  if (typeof promtool !== 'string') return t.skip(promtool.reason)
  const said = runPromtool(promtool, ['check', 'rules', path.join(ROOT, FILE)])
  assert.match(said, new RegExp(`SUCCESS: ${rules.length} rules found`))
})

test('each alert fires when it should, and only then', (t) => {
  if (typeof promtool !== 'string') return t.skip(promtool.reason)
  const fired = new Set(STORIES.flatMap(({ fires }) => Object.keys(fires)))
  assert.deepEqual([...fired].sort(), rules.map(({ alert }) => alert).sort())
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-alerts-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const file = path.join(folder, 'stories.yaml')
  const stories = { rule_files: [path.join(ROOT, FILE)], tests: STORIES.map(toUnitTest) }
  fs.writeFileSync(file, JSON.stringify(stories))
  assert.match(runPromtool(promtool, ['test', 'rules', file]), /SUCCESS/)
})

/** @throws {Error} with what promtool says, where it finds something */
function runPromtool(program: string, args: readonly string[]): string {
  try {
    return execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' })
  } catch (error) {
    throw new Error(['stdout', 'stderr'].map((name) => Reflect.get(Object(error), name)).join(''))
  }
}
