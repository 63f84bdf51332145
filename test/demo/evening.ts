import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { drizzle } from 'drizzle-orm/node-postgres'
import { type Account, type Ledgers, readAccount, type Run } from './account.ts'
import { messageOf } from './failures.ts'
import type { ImportedEntry } from './imported-entry.ts'
import { makeParty } from './party.ts'
import { printAccount } from './report.ts'
import { connect, type RunningSite } from './running-site.ts'
import { readSample } from './sample.ts'
import { note, step } from './steps.ts'
import { bold, number, paint, say } from './terminal.ts'
import { readExamples, timelineTable } from './timeline.ts'
import { isSettled, judge } from './verdict.ts'
import { type Answers, makeVisits } from './visitors.ts'
import { BROKEN_IMPORT, madeUpImports, planVisits } from './visits.ts'

const VISITORS = 12
const SETTLE_TIMEOUT_MS = 15_000
const SETTLE_POLL_MS = 50
/** The database's clock may be a little behind ours. */
const CLOCK_MARGIN_MS = 1_000

export interface EveningParts {
  readonly site: RunningSite
  readonly ownerUrl: string
  /** A file with audit events of another system, to replay. */
  readonly sampleFile: string | undefined
}

/** Runs one evening at the site: sends the visitors' requests, then accounts for every entry. */
export async function evening({ site, ownerUrl, sampleFile }: EveningParts) {
  const startedAt = new Date(Date.now() - CLOCK_MARGIN_MS)
  const imports = await readImports(sampleFile)
  const party = await makeParty(site.db)
  const { visits, secrets } = planVisits(party, [...imports, BROKEN_IMPORT])

  const answers = await step(`Sending ${number(visits.length)} requests`, async () => {
    const requestIdPrefix = `${party.id.slice(0, 6)}-`
    const made = await makeVisits(site.origin, visits, { atOnce: VISITORS, requestIdPrefix })
    return [made, inWords(visits.length, made), made.unexpected === 0]
  })

  const { rolledBack, unexpected: failedRequests } = answers
  const run: Run = { eventId: party.id, startedAt, rolledBack, failedRequests, secrets }
  const ownerClient = connect(ownerUrl, 'demo account')
  const ledgers: Ledgers = { site: site.db, log: drizzle(ownerClient) }
  const account = await step('Waiting until every entry has arrived', async () => {
    const last = await settled(() => readAccount(ledgers, run, site.audit.stats()))
    const isFine = isSettled(last)
    const arrived = 'No entry is left in memory or in the lanes'
    const stuck = `After ${SETTLE_TIMEOUT_MS / 1_000} s entries are still in memory or in the lanes`
    return [last, isFine ? arrived : stuck, isFine]
  })
  await ownerClient.end()

  await printTimeline(site, run)
  const verdict = judge(account)
  printAccount(account, verdict)
  return { party, isBalanced: verdict.isBalanced }
}

async function readImports(file: string | undefined): Promise<readonly ImportedEntry[]> {
  if (file === undefined) {
    note('AUDIT_SAMPLE is not set, so made-up entries of another system are replayed')
    return madeUpImports()
  }
  const name = path.basename(file)
  try {
    const { entries, brokenLines, isCut } = await readSample(file)
    const [first] = brokenLines
    if (first !== undefined) {
      note(`${name}: left out ${brokenLines.length} lines that are not events, first line ${first}`)
    }
    const extent = isCut ? `the first ${number(entries.length)}` : `all ${number(entries.length)}`
    note(`Replaying ${extent} audit events of ${name}`)
    return entries
  } catch (error) {
    note(`AUDIT_SAMPLE cannot be read, so made-up entries are replayed: ${messageOf(error)}`)
    return madeUpImports()
  }
}

function inWords(total: number, { byStatus, rolledBack, unexpected }: Answers): string {
  const refused = byStatus.get(422) ?? 0
  const parts = [
    `${number(total)} requests answered`,
    `${rolledBack.length} rolled back (409)`,
    `${refused} not an entry (422)`,
  ]
  if (unexpected > 0) {
    const statuses = [...byStatus.keys()].filter((status) => status === 0 || status >= 400)
    parts.push(`${unexpected} failed (${statuses.join(', ')})`)
  }
  return parts.join(', ')
}

/** Reads the account until no entry is on its way any more, or until the time is up. */
async function settled(read: () => Promise<Account>): Promise<Account> {
  const deadlineMs = performance.now() + SETTLE_TIMEOUT_MS
  for (;;) {
    const account = await read()
    if (isSettled(account) || performance.now() > deadlineMs) return account
    await sleep(SETTLE_POLL_MS)
  }
}

async function printTimeline({ reader, audit }: RunningSite, { eventId, startedAt }: Run) {
  const { recorderId } = audit.stats()
  if (recorderId === null) return
  const rows = await readExamples(reader, { eventId, recorderId, since: startedAt })
  say(`\n  ${bold('The timeline')}\n`)
  say(rows.length === 0 ? '  No entry of this run is in the log.' : timelineTable(rows, paint))
}
