import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'
import { idFloor, recordedMs } from '../../../src/ids/uuid7.ts'
import { idRange } from './id-range.ts'
import { makingPartitions, PARTITIONS } from './partitions.ts'

const DAY_MS = 86_400_000
/** An id may be a day ahead of the server's clock, and a relay makes more at least every hour. */
const ENOUGH_DAYS = 14

/** Whether the next weeks have partitions. */
export const partitionsAhead: Check = {
  area: 'partitions',
  what: 'partitions ahead',
  as: 'owner',
  async look(visit) {
    const { now } = await visit.row('select extract(epoch from now())::float8 * 1000 as now')
    const nowMs = Math.floor(Number(now))
    const ranges = (await visit.rows(PARTITIONS))
      .map(({ bound }) => idRange(String(bound)))
      .filter((range) => range !== undefined)
      .sort((one, other) => (one.from < other.from ? -1 : 1))
    let covered = idFloor(nowMs)
    for (const { from, to } of ranges) if (from <= covered && to > covered) covered = to
    const days = Math.floor((recordedMs(covered) - nowMs) / DAY_MS)
    const findings: Finding[] = []
    if (days < ENOUGH_DAYS) {
      findings.push({
        kind: 'partitions-run-out',
        severity: 'warning',
        text:
          (days < 1
            ? 'Today or tomorrow has no partition'
            : `Only the next ${days} days have a partition`) +
          ', and entries without one go to DEFAULT. A relay that runs makes partitions once an hour.',
        remedy: { sql: makingPartitions(visit) },
      })
    }
    return answer(findings, `for ${days} days`)
  },
}

/** Beyond that, rows are not counted on. */
const COUNTED = 10_000

/** What stands in DEFAULT. An empty one can be told from its size, which every login sees. */
export const rowsInDefault: Check = {
  area: 'partitions',
  what: 'rows in DEFAULT',
  as: 'owner',
  async look(visit) {
    const part = (await visit.rows(PARTITIONS)).find(({ bound }) => bound === 'DEFAULT')
    if (part === undefined || part['bytes'] === '0') return { findings: [], said: 'none' }
    const { now } = await visit.row('select extract(epoch from now())::float8 * 1000 as now')
    const row = await visit.row(
      `select count(*)::text as rows, (count(*) filter (where d.id >= $1::text::uuid and d.id < $2::text::uuid))::text as new_rows
       from (select id from ${part['full_name']} limit ${COUNTED}) as d`,
      [monthStart(Number(now), 0), monthStart(Number(now), visit.limits.monthsAhead + 1)],
      ['owner'],
    )
    const [rows, newRows] = [Number(row['rows']), Number(row['new_rows'])]
    const counted = rows >= COUNTED ? `At least ${COUNTED}` : String(rows)
    if (rows === 0) return { findings: [], said: 'none' }
    const finding: Finding =
      newRows > 0
        ? {
            kind: 'rows-in-default',
            severity: 'warning',
            text: `Rows in DEFAULT: ${counted}. Their time had no partition when they were moved.`,
            remedy: { sql: makingPartitions(visit) },
          }
        : {
            kind: 'old-rows-in-default',
            severity: 'note',
            text: `Rows in DEFAULT: ${counted}, all from before this month or far ahead.`,
            remedy: { advice: 'Nothing has to be done. Every reader finds them there.' },
          }
    return { findings: [finding] }
  },
}

/** The smallest id of the month that lies so many months after that of an instant. */
function monthStart(nowMs: number, ahead: number): string {
  const now = new Date(nowMs)
  return idFloor(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead))
}
