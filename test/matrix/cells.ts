import fs from 'node:fs'
import path from 'node:path'
import { ROOT } from '../support/commands.ts'
import { NODE_MAJORS, type NodeMajor } from '../support/node-home.ts'
import { NEWEST_POSTGRES, POSTGRES_MAJORS, type PostgresMajor } from '../support/postgres-home.ts'
import { appNames, nodeOfApp } from './apps.ts'

interface AnyCell {
  readonly name: string
  /** undefined: the one that runs the matrix */
  readonly node: NodeMajor | undefined
  readonly postgres: PostgresMajor
}

/** Files of this checkout's suite. */
export interface SuiteCell extends AnyCell {
  /** Names of test files. */
  readonly files: readonly string[]
}

/** An application with the packed package. */
export interface AppCell extends AnyCell {
  /** Its folder in test/apps. */
  readonly app: string
}

export type Cell = SuiteCell | AppCell

const OLDEST_POSTGRES = Math.min(...POSTGRES_MAJORS)

/** The cells of the suite, then one for each application. */
export function cellsOfMatrix(): readonly Cell[] {
  return [...suiteCells(), ...appNames().map(appCell)]
}

function appCell(app: string): AppCell {
  return { name: `the application ${app}`, node: nodeOfApp(app), postgres: NEWEST_POSTGRES, app }
}

/**
 * An L: each Node on the newest Postgres, and this Node on each older Postgres. What lies between
 * could break only where a Node and a Postgres each work with all the others, and not with each other.
 */
function suiteCells(): readonly SuiteCell[] {
  const all = testFiles()
  const byNode = NODE_MAJORS.map(
    (node): SuiteCell => ({
      name: `the suite, Node ${node}, Postgres ${NEWEST_POSTGRES}`,
      node,
      postgres: NEWEST_POSTGRES,
      files: all,
    }),
  )
  const byPostgres = POSTGRES_MAJORS.filter((major) => major !== NEWEST_POSTGRES).map(
    (postgres): SuiteCell => {
      const isWhole = postgres === OLDEST_POSTGRES
      return {
        name: `${isWhole ? 'the suite' : 'what needs a database'}, Postgres ${postgres}`,
        node: undefined,
        postgres,
        files: isWhole ? all : databaseTests(all),
      }
    },
  )
  return [...byNode, ...byPostgres].flatMap(quartersOf)
}

/** A cell in four, each with every fourth file, so that one of them is done in some minutes. */
function quartersOf(cell: SuiteCell): readonly SuiteCell[] {
  return [0, 1, 2, 3].map((quarter) => ({
    ...cell,
    name: `${cell.name}, quarter ${quarter + 1}`,
    files: cell.files.filter((_, at) => at % 4 === quarter),
  }))
}

function testFiles(): string[] {
  const names = fs.readdirSync(path.join(ROOT, 'test'))
  return names.filter((name) => name.endsWith('.test.ts')).sort()
}

/** The test files that ask for a database on the server under test. */
function databaseTests(all: readonly string[]): string[] {
  const found = all.filter((name) =>
    fs.readFileSync(path.join(ROOT, 'test', name), 'utf8').includes("from './support/database.ts'"),
  )
  if (found.length > 0) return found
  throw new Error('No test imports ./support/database.ts: say here which ones need a database.')
}
