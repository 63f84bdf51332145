import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { test } from 'node:test'
import { readDocument } from './support/documents.ts'
import { exportedMetrics, metricsIn } from './support/exported-metrics.ts'
import { promtoolOrReason } from './support/promtool.ts'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: {
    readonly x: number
    readonly y: number
    readonly w: number
    readonly h: number
  }
  readonly fieldConfig?: {
    readonly defaults: {
      readonly unit?: string
      readonly thresholds?: { readonly steps: readonly { readonly value: number | null }[] }
    }
  }
  readonly targets?: readonly {
    readonly refId: string
    readonly expr: string
    readonly legendFormat: string
    readonly datasource: { readonly uid: string }
  }[]
}

const dashboard = JSON.parse(readDocument('relay/deploy/grafana.json'))
const all: readonly Panel[] = dashboard.panels
const panels = all.filter(({ type }) => type !== 'row')
const queries = panels.flatMap(({ title, targets = [] }) =>
  targets.map((target) => ({ title, ...target })),
)

/** Of Grafana's units, those that the dashboard uses. */
const UNITS = ['none', 'short', 'locale', 's', 'cps', 'bytes', 'percentunit']
const COLUMNS = 24

test('each query asks for metrics that a relay exports, by labels that they have', async () => {
  const exported = await exportedMetrics()
  assert.ok(queries.length > 25)
  for (const { title, expr, legendFormat } of queries) {
    const asked = metricsIn(expr)
    assert.notDeepEqual(asked, [], title)
    for (const metric of asked) {
      const name = metric.replace(/_bucket$/, '')
      assert.ok(exported.has(name), `${title}: ${metric}`)
      const labels = new Set([...(exported.get(name) ?? []), 'job', 'instance', 'le'])
      const used = Array.from(expr.matchAll(/\bby \(([^)]*)\)/g), ([, list = '']) =>
        list.split(', '),
      )
      for (const label of used.flat()) assert.ok(labels.has(label), `${title}: by (${label})`)
    }
    // Only labels that the query keeps can be in a legend.
    for (const [, label = ''] of legendFormat.matchAll(/{{(\w+)}}/g)) {
      assert.match(expr, new RegExp(`by \\([^)]*\\b${label}\\b`), `${title}: {{${label}}}`)
    }
    const selectors = expr.match(/{[^}]*}/g) ?? []
    assert.equal(selectors.length, asked.length, `${title}: each metric of one job alone`)
    for (const selector of selectors) assert.equal(selector, '{job="$job"}', title)
  }
})

test('it shows every metric of the relay', async () => {
  const shown = new Set(queries.flatMap(({ expr }) => metricsIn(expr)))
  const names = [...(await exportedMetrics()).keys()].filter((name) => name.startsWith('audit_'))
  assert.deepEqual(
    names.filter((name) => !shown.has(name) && !shown.has(`${name}_bucket`)),
    [],
  )
})

test('promtool parses each query', (t) => {
  const promtool = promtoolOrReason()
  if (typeof promtool !== 'string') return t.skip(promtool.reason)
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-dashboard-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  // Each query as a rule that records it, with what Grafana puts in the place of its variables.
  const rules = queries.map(({ expr }, index) => ({
    record: `query:${index}`,
    expr: expr.replaceAll('$job', 'shop').replaceAll('$__rate_interval', '1m'),
  }))
  assert.ok(rules.every(({ expr }) => !expr.includes('$')))
  const file = path.join(folder, 'queries.yaml')
  fs.writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  const said = execFileSync(promtool, ['check', 'rules', file], { encoding: 'utf8' })
  assert.match(said, new RegExp(`SUCCESS: ${rules.length} rules found`))
})

test('each panel has a title, a description, a unit, thresholds and a place of its own', () => {
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length)
  assert.equal(new Set(panels.map(({ title }) => title)).size, panels.length)
  const taken = new Map<string, string>()
  for (const { title, type, gridPos } of all) {
    const { x, y, w, h } = gridPos
    assert.ok(x >= 0 && x + w <= COLUMNS, title)
    assert.ok(type === 'row' ? h === 1 && w === COLUMNS : h >= 4, title)
    for (let column = x; column < x + w; column += 1) {
      for (let line = y; line < y + h; line += 1) {
        const place = `${column},${line}`
        assert.equal(taken.get(place), undefined, `${title} lies over ${taken.get(place)}`)
        taken.set(place, title)
      }
    }
  }
  for (const { title, description = '', fieldConfig, datasource, targets = [] } of panels) {
    assert.match(description, /^\S.{20,}\.$/s, title)
    assert.ok(UNITS.includes(fieldConfig?.defaults.unit ?? ''), title)
    const { steps = [] } = fieldConfig?.defaults.thresholds ?? {}
    // The first one holds from minus infinity on, which Grafana writes as null.
    assert.equal(steps[0]?.value, null, title)
    assert.deepEqual(datasource, { type: 'prometheus', uid: `\${datasource}` }, title)
    assert.ok(targets.length > 0, title)
    for (const target of targets) assert.deepEqual(target.datasource, datasource, title)
    assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
  }
})

test('it can be imported: its variables are its own, and it holds nothing of one Grafana', () => {
  const text = readDocument('relay/deploy/grafana.json')
  const declared = dashboard.templating.list.map(({ name }: { readonly name: string }) => name)
  assert.deepEqual(declared, ['datasource', 'job'])
  const used = Array.from(text.matchAll(/\$(?:{(\w+)}|(\w+))/g), ([, one, other]) => one ?? other)
  for (const name of used) assert.ok([...declared, '__rate_interval'].includes(name ?? ''), name)
  assert.equal(dashboard.id, undefined, 'an id is of one Grafana; the uid is ours')
  assert.equal(dashboard.uid, 'audit-outbox')
  assert.ok(dashboard.schemaVersion >= 39)
})
