import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { drawChart } from './chart.ts'
import { type Machine, showMachine } from './machine.ts'
import { type Goal, isReached, type Part, type Result, type Table } from './part.ts'
import { showNumber } from './rounds.ts'

const RESULTS = fileURLToPath(new URL('results/', import.meta.url))

/** A part's result as it is read in a terminal. */
export function showResult({ tables, goals }: Result): string {
  return [...tables, ...goalTable(goals)].map(showTable).join('\n')
}

/** Keeps a part's result: `NAME.json`, `NAME.md`, and a file for each chart. */
export function saveResult({ name, summary }: Part, machine: Machine, result: Result): string[] {
  const { tables, goals, charts, measured } = result
  const markdown = [
    `# ${name}: ${summary}`,
    showMachine(machine),
    ...[...tables, ...goalTable(goals)].map(markdownTable),
    ...charts.map((chart) => `![${chart.title}](${chart.name}.svg)`),
  ].join('\n\n')
  const json = JSON.stringify({ machine, goals, measured }, undefined, 1)
  const files = new Map([
    [`${name}.md`, `${markdown}\n`],
    [`${name}.json`, `${json}\n`],
    ...charts.map((chart) => [`${chart.name}.svg`, drawChart(chart)] as const),
  ])
  for (const [file, text] of files) fs.writeFileSync(path.join(RESULTS, file), text)
  return [...files.keys()]
}

function goalTable(goals: readonly Goal[]): Table[] {
  if (goals.length === 0) return []
  const rows = goals.map((goal) => {
    const { name, value, atMost, atLeast, unit = '' } = goal
    const bound =
      atMost === undefined
        ? `at least ${showNumber(atLeast ?? 0)}`
        : `at most ${showNumber(atMost)}`
    const verdict = isReached(goal) ? 'reached' : 'MISSED'
    return [name, `${showNumber(value)} ${unit}`.trim(), `${bound} ${unit}`.trim(), verdict]
  })
  return [{ title: 'What was to be reached', columns: ['', 'measured', 'goal', ''], rows }]
}

function showTable({ title, columns, rows, note }: Table): string {
  const widths = columns.map((column, at) =>
    Math.max(column.length, ...rows.map((row) => row[at]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('   ')
      .trimEnd()
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + 3, -3))
  const text = [`\n${title}`, rule, line(columns), rule, ...rows.map(line)]
  return [...text, ...(note === undefined ? [] : [note]), ''].join('\n')
}

function markdownTable({ title, columns, rows, note }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = `|${columns.map((_, at) => (at === 0 ? '---|' : '---:|')).join('')}`
  const table = [line(columns), rule, ...rows.map(line)].join('\n')
  return [`## ${title}`, table, ...(note === undefined ? [] : [note])].join('\n\n')
}
