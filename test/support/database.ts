import { randomBytes } from 'node:crypto'
import { after, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import postgres from 'postgres'
import {
  databaseUrl,
  serverUrl,
  TEMPLATE_DATABASE,
  TEST_PREFIX,
  type TestRole,
  testLogin,
  withClient,
} from './server.ts'

export interface ScratchDatabase {
  readonly name: string
  readonly url: string
  /** A URL for a login that has exactly the rights of the role. */
  urlAs(role: TestRole): string
  /** Connected as the login that made the database, usually a superuser. Closed after the test. */
  readonly sql: postgres.Sql
}

/** Makes a migrated database for one test. */
export function scratchDatabase(t: TestContext): Promise<ScratchDatabase> {
  return makeDatabase(t, TEMPLATE_DATABASE)
}

/** Makes an empty database for one test. */
export function emptyDatabase(t: TestContext): Promise<ScratchDatabase> {
  return makeDatabase(t, 'template0')
}

/** Makes a copy of a database, as a dump that is restored elsewhere. Its sessions are ended. */
export async function copyOf(
  t: TestContext,
  { name }: Pick<ScratchDatabase, 'name'>,
): Promise<ScratchDatabase> {
  await withClient(serverUrl(), async (admin) => {
    await admin`
      select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = ${name}`
  })
  return await makeDatabase(t, name)
}

async function makeDatabase(t: TestContext, template: string): Promise<ScratchDatabase> {
  const name = TEST_PREFIX + randomBytes(6).toString('hex')
  await withClient(serverUrl(), (admin) => copyDatabase(admin, name, template))
  const url = databaseUrl(name)
  const sql = postgres(url, { max: 3, onnotice: () => {} })

  t.after(async () => {
    await sql.end({ timeout: 1 })
    if (process.env['AUDIT_TEST_KEEP'] && !hasPassed(t)) {
      console.log(`Kept database ${name} of the failed test "${t.name}"`)
    } else {
      finished.push(name)
    }
  })

  return {
    name,
    url,
    urlAs(role) {
      const login = testLogin(role)
      return Object.assign(new URL(url), { username: login.name, password: login.password }).href
    },
    sql,
  }
}

const COPY_ATTEMPTS = 20
const COPY_RETRY_MS = 100

async function copyDatabase(admin: postgres.Sql, name: string, template: string) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await admin`create database ${admin(name)} template ${admin(template)}`
    } catch (error) {
      const code = error instanceof postgres.PostgresError ? error.code : undefined
      if (code === '3D000') throw new Error('No template database. Run tests through `npm test`.')
      const isInUse = code === '55006' // for example by an autovacuum worker
      if (!isInUse || attempt === COPY_ATTEMPTS) throw error
      await sleep(COPY_RETRY_MS)
    }
  }
}

function hasPassed(t: TestContext): boolean {
  // Node 20 has this property, but its types do not.
  return Reflect.get(t, 'passed') !== false
}

// Dropped at the end of the file and not of the test, because `t.after` runs first in, first out. A
// test that closes its recorder in a later `t.after` would find its database gone.
const finished: string[] = []

after(async () => {
  if (finished.length === 0) return
  await withClient(serverUrl(), async (admin) => {
    for (const name of finished) await admin`drop database ${admin(name)} with (force)`
  })
})
