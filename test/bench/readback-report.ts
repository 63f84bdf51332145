import fs from 'node:fs'
import os from 'node:os'
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
const figures = (count: number) => count.toLocaleString('en')

/** Writes the results. What a run did not measure stays as an earlier one of the sizes has left it. */
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
  const ratios = pages.flatMap((one) => ratioOf(one, least, most) ?? [])
  const sameWork = ratios.filter(({ isSameWork }) => isSameWork)
  const p95s = pages.flatMap((one) =>
    one.pages.flatMap((page) => (page.rows === most ? page.p95Ms : [])),
  )
  return [
    `Pages of ${PAGE}; milliseconds in the client. Each p95 is the median of ${ROUNDS} rounds of`,
    `${SAMPLES} samples, warm, in which the logs took turns.`,
    '',
    `- Slowest p95 at ${figures(most)}: ${Math.max(...p95s)} ms.`,
    `- p95 at ${figures(most)} to p95 at ${figures(least)}, where both pages hold as many entries:`,
    `  ${middle(sameWork)} in the middle, ${worst(sameWork)} at most; more than 1.5 for`,
    `  ${above(sameWork)} of ${sameWork.length}. The others hold more entries in the larger log:`,
    `  of all pages, ${worst(ratios)} at most, more than 1.5 for ${above(ratios)} of ${ratios.length}.`,
    '',
    `| filter | ${sizes.map((rows) => `${figures(rows)}: page | entries | p50 | p95`).join(' | ')} | ratio |`,
    `|---|${sizes.map(() => '--:|--:|--:|--:').join('|')}|--:|`,
    ...pages.map((one) => {
      const cells = sizes.map((rows) => cellsOf(one.pages.find((page) => page.rows === rows)))
      return `| ${one.filter} | ${cells.join(' | ')} | ${ratioOf(one, least, most)?.ratio ?? ''} |`
    }),
  ]
}

function cellsOf(page: MeasuredPage | undefined): string {
  if (!page) return ' |  |  | '
  return [page.page, page.entries, page.p50Ms, page.p95Ms].join(' | ')
}

interface Ratio {
  readonly ratio: number
  readonly isSameWork: boolean
}

function ratioOf({ pages }: MeasuredFilter, least: number, most: number): Ratio | undefined {
  const small = pages.find(({ rows }) => rows === least)
  const large = pages.find(({ rows }) => rows === most)
  if (!small || !large || least === most) return undefined
  const ratio = Number((large.p95Ms / small.p95Ms).toFixed(2))
  return { ratio, isSameWork: small.entries === large.entries }
}

function worst(ratios: readonly Ratio[]): string {
  return ratios.length === 0 ? '–' : String(Math.max(...ratios.map(({ ratio }) => ratio)))
}

function above(ratios: readonly Ratio[]): number {
  return ratios.filter(({ ratio }) => ratio > 1.5).length
}

function middle(ratios: readonly Ratio[]): string {
  const sorted = ratios.map(({ ratio }) => ratio).sort((a, b) => a - b)
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
