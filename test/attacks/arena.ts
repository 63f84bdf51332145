import { randomBytes } from 'node:crypto'
import type { TestContext } from 'node:test'
import postgres from 'postgres'
import { createRelay, type Relay, type RelayOptions } from '../../relay/index.ts'
import type { ScratchDatabase } from '../support/database.ts'
import { silentLogger } from '../support/lanes.ts'
import {
  databaseUrl,
  serverUrl,
  TEMPLATE_DATABASE,
  TEST_PREFIX,
  type TestRole,
  testLogin,
  withClient,
} from '../support/server.ts'
import { waitFor } from '../support/wait-for.ts'

/** A login that may connect and was granted nothing. */
export const NOBODY = `${TEST_PREFIX}nobody`
/** A login that owns the database of each attack, and was granted nothing else. */
export const OWNER = `${TEST_PREFIX}database_owner`
const PASSWORD = randomBytes(12).toString('hex')
/** The longest that an entry may take to the log, on a busy machine too. */
const MOVE_TIMEOUT_MS = 15_000

/** Where one attack is played: a database of its own, with all logins. Gone afterwards. */
export interface Arena extends ScratchDatabase {
  /** How long a time-bound attack lasts. */
  readonly seconds: number
  /** For helpers of tests: what they open is closed after the attack. */
  readonly t: TestContext
  /** One connection. */
  as(login: TestRole | 'nobody' | 'owner'): postgres.Sql
  urlOf(login: 'nobody' | 'owner'): string
  /** A relay that runs until the end of the attack. */
  startRelay(options?: RelayOptions): Relay
  /** Moves all that waits, with a relay of its own. @returns how many entries were logged */
  moveAll(): Promise<number>
  /** Records an entry as the application. @returns milliseconds until it was in the log */
  timeToLog(): Promise<number>
}

/** Makes the logins that no role of the schema is for. */
export async function makeStrangers(): Promise<void> {
  await withClient(serverUrl(), async (admin) => {
    for (const name of [NOBODY, OWNER]) {
      await admin.unsafe(`create role ${name} login password '${PASSWORD}'`)
    }
  })
}

export async function withArena<T>(
  { isEmpty, seconds }: { readonly isEmpty: boolean; readonly seconds: number },
  play: (arena: Arena) => Promise<T>,
): Promise<T> {
  const name = `${TEST_PREFIX}${randomBytes(6).toString('hex')}`
  const template = isEmpty ? 'template0' : TEMPLATE_DATABASE
  await withClient(serverUrl(), async (admin) => {
    await admin`create database ${admin(name)} template ${admin(template)} owner ${admin(OWNER)}`
  })
  const endings: (() => unknown)[] = []
  try {
    return await play(arenaOn(name, seconds, endings))
  } finally {
    for (const end of endings.toReversed()) await Promise.resolve(end()).catch(() => {})
    await withClient(serverUrl(), (admin) => admin`drop database ${admin(name)} with (force)`)
  }
}

function arenaOn(name: string, seconds: number, endings: (() => unknown)[]): Arena {
  const url = databaseUrl(name)
  const t = { after: (end: () => unknown) => endings.push(end), name } as unknown as TestContext
  const connect = (to: string, max = 1) => {
    const session = postgres(to, { max, onnotice: () => {} })
    endings.push(() => session.end({ timeout: 1 }))
    return session
  }
  const sql = connect(url, 3)
  const urlAs: Arena['urlAs'] = (role) => {
    const { name: username, password } = testLogin(role)
    return Object.assign(new URL(url), { username, password }).href
  }
  const urlOf: Arena['urlOf'] = (login) =>
    Object.assign(new URL(url), {
      username: login === 'nobody' ? NOBODY : OWNER,
      password: PASSWORD,
    }).href
  const logged = async (action: string) =>
    (await sql`select from audit.audit_log where action = ${action}`).length > 0
  return {
    ...{ name, url, urlAs, urlOf, sql, seconds, t },
    as: (login) => connect(login === 'nobody' || login === 'owner' ? urlOf(login) : urlAs(login)),
    startRelay(options = {}) {
      const relay = createRelay({
        databaseUrl: urlAs('audit_relay'),
        logger: silentLogger(),
        ...{ pollMinMs: 5, pollMaxMs: 50 },
        ...options,
      })
      endings.push(() => relay.stop())
      void relay.start()
      return relay
    },
    async moveAll() {
      const relay = createRelay({ databaseUrl: urlAs('audit_relay'), logger: silentLogger() })
      try {
        return (await relay.drain({ deadlineMs: 2 * MOVE_TIMEOUT_MS })).logged
      } finally {
        await relay.stop()
      }
    },
    async timeToLog() {
      const action = `probe.${randomBytes(6).toString('hex')}`
      const beganMs = performance.now()
      await withClient(urlAs('audit_app'), (app) => {
        return app`select audit.record(${JSON.stringify({ action })}::text)`
      })
      await waitFor(() => logged(action), { what: 'the log', timeoutMs: MOVE_TIMEOUT_MS })
      return Math.round(performance.now() - beganMs)
    },
  }
}
