import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

const RESULTS = fileURLToPath(new URL('../bench/results/', import.meta.url))

export interface Figure {
  readonly name: string
  readonly value: number | string
  /** What was to be reached, in words; absent where the figure is only told. */
  readonly goal?: string
  readonly isReached?: boolean
}

/** Prints a table, and writes it with the whole of what was measured to `test/bench/results`. */
export function report(name: string, figures: readonly Figure[], measured: object): boolean {
  const machine = `${os.cpus().length} × ${os.cpus()[0]?.model.trim()}, Node ${process.version}`
  const rows = figures.map(({ name, value, goal, isReached }) => {
    const verdict = isReached === undefined ? '' : isReached ? 'reached' : 'MISSED'
    return [name.padEnd(48), String(value).padStart(12), (goal ?? '').padEnd(34), verdict]
      .join('  ')
      .trimEnd()
  })
  const text = [`${name}, ${new Date().toISOString().slice(0, 10)}`, machine, '', ...rows, ''].join(
    '\n',
  )
  console.log(`\n${text}`)
  const file = path.join(RESULTS, name)
  fs.writeFileSync(`${file}.txt`, text)
  fs.writeFileSync(
    `${file}.json`,
    `${JSON.stringify({ machine, figures, measured }, undefined, 1)}\n`,
  )
  return figures.every(({ isReached }) => isReached !== false)
}

/** The smallest value that this share of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? 0
}
