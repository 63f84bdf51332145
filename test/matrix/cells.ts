import fs from 'node:fs'
import path from 'node:path'
import { ROOT } from '../support/commands.ts'
import { NODE_MAJORS, type NodeMajor } from '../support/node-home.ts'
import { NEWEST_POSTGRES, POSTGRES_MAJORS, type PostgresMajor } from '../support/postgres-home.ts'

export interface Cell {
  readonly name: string
  /** undefined: the one that runs the matrix */
  readonly node: NodeMajor | undefined
  readonly postgres: PostgresMajor
  /** Names of test files; none: the whole suite. */
  readonly files: readonly string[]
}

const OLDEST_POSTGRES = Math.min(...POSTGRES_MAJORS)

/**
 * An L: each Node on the newest Postgres, and this Node on each older Postgres. What lies between
 * could break only where a Node and a Postgres each work with all the others, and not with each other.
 */
export function cellsOfMatrix(): readonly Cell[] {
  const database = databaseTests()
  const byNode = NODE_MAJORS.map(
    (node): Cell => ({
      name: `the whole suite, Node ${node}, Postgres ${NEWEST_POSTGRES}`,
      node,
      postgres: NEWEST_POSTGRES,
      files: [],
    }),
  )
  const byPostgres = POSTGRES_MAJORS.filter((major) => major !== NEWEST_POSTGRES).map(
    (postgres) => {
      const isWhole = postgres === OLDEST_POSTGRES
      return {
        name: `${isWhole ? 'the whole suite' : 'what needs a database'}, Postgres ${postgres}`,
        node: undefined,
        postgres,
        files: isWhole ? [] : database,
      }
    },
  )
  return [...byNode, ...byPostgres]
}

/** The test files that ask for a database on the server under test. */
function databaseTests(): string[] {
  const folder = path.join(ROOT, 'test')
  const names = fs.readdirSync(folder).filter((name) => name.endsWith('.test.ts'))
  const found = names.filter((name) =>
    fs.readFileSync(path.join(folder, name), 'utf8').includes("from './support/database.ts'"),
  )
  if (found.length > 0) return found
  throw new Error('No test imports ./support/database.ts: say here which ones need a database.')
}
