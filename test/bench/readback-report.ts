import fs from 'node:fs'
import os from 'node:os'
import { STEADY } from './generate.ts'
import type { MeasuredExport } from './readback-export.ts'
import { type MeasuredFilter, type MeasuredPage, PAGE, ROUNDS, SAMPLES } from './readback-pages.ts'

export interface Report {
  readonly sizes: readonly number[]
  readonly months: number
  readonly server: string
  readonly pages?: readonly MeasuredFilter[]
  readonly exports?: readonly MeasuredExport[]
}

const BASE = new URL('results/readback', import.meta.url).pathname
const QUANTILES = ['p50Ms', 'p95Ms'] as const
type Quantile = (typeof QUANTILES)[number]
const figures = (count: number) => count.toLocaleString('en')

/**
 * Writes the results. What a run did not measure stays as an earlier one of the sizes has left it.
 */
export function writeReport(found: Report): void {
  const machine = { node: process.version, cpus: os.cpus().length }
  const before = earlier(found.sizes)
  const isNew = (one: MeasuredExport) =>
    found.exports?.every(({ format }) => format !== one.format) ?? true
  const kept = [...(before.exports ?? []).filter(isNew), ...(found.exports ?? [])]
  const whole = { ...before, ...found, ...machine, exports: kept }
  fs.writeFileSync(`${BASE}.json`, `${JSON.stringify(whole, null, 2)}\n`)
  const { sizes, months, server, pages = [], exports } = whole
  const lines = [
    `# Reading back ${sizes.map(figures).join(' and ')} entries`,
    '',
    `PostgreSQL ${server}, Node ${machine.node}, ${machine.cpus} CPUs, ${months} months of partitions.`,
  ]
  if (pages.length > 0) lines.push('', ...pageLines(sizes, pages))
  if (exports.length > 0) lines.push('', ...exportLines(Math.max(...sizes), exports))
  fs.writeFileSync(`${BASE}.md`, `${lines.join('\n')}\n`)
  console.log(lines.join('\n'))
}

function earlier(sizes: readonly number[]): Partial<Report> {
  try {
    const report = JSON.parse(fs.readFileSync(`${BASE}.json`, 'utf8')) as Report
    return String(report.sizes) === String(sizes) ? report : {}
  } catch {
    return {}
  }
}

function pageLines(sizes: readonly number[], pages: readonly MeasuredFilter[]): readonly string[] {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  const steady = pages.filter(({ isSteady }) => isSteady)
  const growing = pages.filter(({ isSteady }) => !isSteady)
  const ratiosOf = (name: Quantile) =>
    steady.flatMap((one) => ratioOf(one, name, least, most) ?? [])
  const ratios = ratiosOf('p95Ms')
  const p95s = pages.flatMap((one) =>
    one.pages.flatMap((page) => (page.rows === most ? page.p95Ms : [])),
  )
  return [
    `Pages of ${PAGE}; milliseconds in the client. Each p95 is the median of ${ROUNDS} rounds of`,
    `${SAMPLES} samples, warm, in which the logs took turns.`,
    '',
    `- Slowest p95 at ${figures(most)}: ${Math.max(...p95s)} ms.`,
    `- p95 at ${figures(most)} to p95 at ${figures(least)}, of the same page with the same answer:`,
    `  ${spreadOf(ratios)}; more than 1.5 for ${above(ratios)} of`,
    `  ${ratios.length}. Of the medians: ${spreadOf(ratiosOf('p50Ms'))}; more than 1.5 for`,
    `  ${above(ratiosOf('p50Ms'))}. Where they are alike and the p95 are not, the machine was busy elsewhere.`,
    '',
    'A page with metadata looks through up to 5,000 entries of the rest of its filter. In the larger log',
    'each of them lies in a block of its own, in the smaller one eight together: looking at all 5,000',
    'costs up to twice as much there. It ends there, because an entry lies in no more than a block. An',
    'event that is a twelfth of either log, below, has its entries equally close, and costs the same.',
    '',
    '## What each log holds as much of',
    '',
    `The generator gives one event, one user and one entity ${figures(STEADY.entries)} entries, spread over the`,
    'whole log of any size: page n has the same entries in each. Only what lies between them',
    'is more: in the larger log hardly two of them share a block.',
    '',
    ...table(sizes, steady, true),
    '',
    '## What there is more of in a larger log',
    '',
    'A share of all entries each, as in an application that grows. A larger log has more of them, so',
    'that its page 1,000 is another one, and a page that was half empty is full.',
    '',
    ...table(sizes, growing, false),
  ]
}

function table(
  sizes: readonly number[],
  pages: readonly MeasuredFilter[],
  hasRatio: boolean,
): readonly string[] {
  const [least, most] = [Math.min(...sizes), Math.max(...sizes)]
  const ratios = (one: MeasuredFilter) =>
    QUANTILES.map((name) => ` ${ratioOf(one, name, least, most) ?? ''} |`).join('')
  return [
    `| filter | ${sizes.map((rows) => `${figures(rows)}: page | entries | p50 | p95`).join(' | ')} |${hasRatio ? ' ratio of p50 | of p95 |' : ''}`,
    `|---|${sizes.map(() => '--:|--:|--:|--:|').join('')}${hasRatio ? '--:|--:|' : ''}`,
    ...pages.map((one) => {
      const cells = sizes.map((rows) => cellsOf(one.pages.find((page) => page.rows === rows)))
      return `| ${one.filter} | ${cells.join(' | ')} |${hasRatio ? ratios(one) : ''}`
    }),
  ]
}

function cellsOf(page: MeasuredPage | undefined): string {
  if (!page) return ' |  |  | '
  return [page.page, page.entries, page.p50Ms, page.p95Ms].join(' | ')
}

function ratioOf(
  { pages }: MeasuredFilter,
  name: Quantile,
  least: number,
  most: number,
): number | undefined {
  const small = pages.find(({ rows }) => rows === least)
  const large = pages.find(({ rows }) => rows === most)
  if (!small || !large || least === most) return undefined
  return Number((large[name] / small[name]).toFixed(2))
}

function spreadOf(ratios: readonly number[]): string {
  return `${middle(ratios)} in the middle, ${Math.max(...ratios)} at most`
}

function above(ratios: readonly number[]): number {
  return ratios.filter((ratio) => ratio > 1.5).length
}

function middle(ratios: readonly number[]): string {
  const sorted = ratios.toSorted((a, b) => a - b)
  return String(sorted[Math.floor(sorted.length / 2)] ?? '–')
}

function exportLines(rows: number, exports: readonly MeasuredExport[]): readonly string[] {
  return [
    `Exports of ${figures(rows)} entries by the built command, a process each.`,
    '',
    '| format | s | rows/s | MB | peak RSS, MB | verify, s |',
    '|---|--:|--:|--:|--:|--:|',
    ...exports.map((one) => `| ${Object.values(one).join(' | ')} |`),
  ]
}
