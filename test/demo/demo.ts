import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type DemoDatabase,
  makeLogins,
  type RoleUrls,
  SITE_LOGIN,
  startOwnDatabase,
  connectToDatabase,
} from './database.ts'
import type { Ending } from './ending.ts'
import { evening } from './evening.ts'
import type { DemoOptions } from './options.ts'
import { migrate, startRelay } from './relay-process.ts'
import { openSite } from './running-site.ts'
import { makeSiteTables } from './site-tables.ts'
import { note, step } from './steps.ts'
import { bold, dim, say } from './terminal.ts'
import { tryIt } from './try-it.ts'

/**
 * How long a failed step waits for the news that Postgres or the relay died. That is the cause then,
 * but it may be noticed later.
 */
const CAUSE_TIMEOUT_MS = 500
/** Short, because a person waits. */
const CLOSE_TIMEOUT_MS = 5_000

/**
 * Runs the whole demo, in order. Everything that it starts is added to `ending`.
 *
 * @returns whether the account balances; without `once` it does not return
 */
export async function demo(options: DemoOptions, ending: Ending): Promise<boolean> {
  const { dataDir, port, once } = options
  say(`\n  ${bold('audit-outbox')}: a site, its audit log, and an account of every entry`)
  say(`  ${dim('request → record() → staging → relay → audit_log, all of it on this machine')}\n`)
  fs.mkdirSync(dataDir, { recursive: true })

  const database = await openDatabase(options)
  if (database.isOwn) await ending.add('Postgres', () => database.stop())
  const urls = await prepare(database, dataDir)

  const relayLog = path.join(dataDir, 'relay.log')
  const relay = await step('Starting the relay', async () => {
    const started = await startRelay(urls, relayLog)
    return [started, `Relay, a process of its own (${started.pid}); its log is ${relayLog}`]
  })
  await ending.add('relay', () => relay.stop())
  if (!once) note(`Timeline page: ${relay.pageUrl}`)

  const siteLog = path.join(dataDir, 'site.log')
  const site = await step('Opening the site', async () => {
    const opened = await openSite(urls, port, siteLog)
    return [opened, `Site on ${opened.origin}; its log is ${siteLog}`]
  })
  await ending.add('its database', () => site.closeDatabase())
  await ending.add('recorder', () => site.audit.close({ timeoutMs: CLOSE_TIMEOUT_MS }))
  await ending.add('site', () => site.closeHttp())

  const died = Promise.race([database.died, relay.died])
  died.catch(() => {})
  const { party, isBalanced } = await Promise.race([
    evening({ site, ownerUrl: database.ownerUrl, sampleFile: options.sample }).catch(
      async (error) => {
        await Promise.race([died, sleep(CAUSE_TIMEOUT_MS)])
        throw error
      },
    ),
    died,
  ])
  if (once) return isBalanced
  const logs = [relayLog, siteLog, ...database.logFiles]
  say(tryIt({ database, urls, pageUrl: relay.pageUrl, origin: site.origin, party, logs }))
  return died
}

function openDatabase({ databaseUrl, dataDir }: DemoOptions): Promise<DemoDatabase> {
  return step(databaseUrl ? 'Connecting to the database' : 'Starting Postgres', async () => {
    const database = databaseUrl
      ? await connectToDatabase(databaseUrl)
      : await startOwnDatabase(dataDir, note)
    return [database, database.what]
  })
}

/** The schema, the site's own tables, and a URL for each part of the demo. */
async function prepare({ ownerUrl, isOwn }: DemoDatabase, dataDir: string): Promise<RoleUrls> {
  await step('Running audit-relay migrate', async () => {
    const wayOut = isOwn ? `To start over, delete ${dataDir}.` : ''
    const said = await migrate(ownerUrl, wayOut)
    const [, names] = /^Applied: (.*)\.$/.exec(said) ?? []
    const done = names ? `${names.split(', ').length} migrations applied` : said
    return [undefined, `audit-relay migrate: ${done}`]
  })
  return step('Making logins and the tables of the site', async () => {
    const urls = isOwn
      ? await makeLogins(ownerUrl)
      : { app: ownerUrl, relay: ownerUrl, reader: ownerUrl }
    await makeSiteTables(ownerUrl, isOwn ? SITE_LOGIN : undefined)
    const whose = isOwn ? 'a login for each role: site, relay, support' : 'one login for everything'
    return [urls, `Tables of the site in schema audit_demo; ${whose}`]
  })
}
