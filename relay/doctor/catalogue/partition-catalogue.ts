import type { Row } from '../visit/connection.ts'
import type { Check } from '../visit/check.ts'
import { answer, type Finding } from '../visit/finding.ts'
import type { Visit } from '../visit/visit.ts'
import { idRange } from './id-range.ts'
import { makingPartitions, PARTITIONS } from './partitions.ts'

const CATALOGUE = `
  select p.name, p.from_id::text as from_id, p.to_id::text as to_id from audit.audit_partition as p`

/** Whether the catalogue has each partition, with its bounds, and no other. */
export const partitionCatalogue: Check = {
  area: 'partitions',
  what: 'catalogue of the partitions',
  as: 'owner',
  async look(visit) {
    const rows = await visit.rows(CATALOGUE, [], ['owner', 'reader'])
    const known = new Map(rows.map((row) => [String(row['name']), row]))
    const parts = (await visit.rows(PARTITIONS)).filter(
      (part) => part['schema'] === 'audit' && idRange(String(part['bound'])) !== undefined,
    )
    const names = new Set(parts.map((part) => String(part['name'])))
    const findings = [
      ...parts.flatMap((part) => [...entryOf(part, known.get(String(part['name'])), visit)]),
      ...[...known.keys()].filter((name) => !names.has(name)).map(gone),
    ]
    return answer(findings, `all ${parts.length}, with their bounds`)
  },
}

function* entryOf(part: Row, row: Row | undefined, visit: Visit): Generator<Finding> {
  const range = idRange(String(part['bound']))
  if (range === undefined) return
  const name = String(part['full_name'])
  if (row === undefined) {
    yield {
      kind: 'partition-not-known',
      severity: 'warning',
      text: `${name} is not in the catalogue, so each reader reads it: it was made by hand. A relay that runs takes it into the catalogue once an hour.`,
      remedy: { sql: makingPartitions(visit) },
    }
  } else if (row['from_id'] !== range.from || row['to_id'] !== range.to) {
    yield {
      kind: 'catalogue-differs',
      severity: 'error',
      text: `${name} holds the ids from ${range.from} to ${range.to}, and the catalogue has others: readers may miss its entries.`,
      remedy: {
        sql:
          `update audit.audit_partition set from_id = '${range.from}', to_id = '${range.to}',\n` +
          `  min_seq = null, max_seq = null, rows = null, closed_at = null where name = '${part['name']}';`,
        advice: 'Find out who attached it with other bounds, or changed the catalogue.',
      },
    }
  }
}

function gone(name: string): Finding {
  return {
    kind: 'partition-gone',
    severity: 'error',
    text: `The catalogue has ${name}, and the log has no such partition: it was detached, renamed or dropped by hand.`,
    remedy: {
      sql: `delete from audit.audit_partition where name = '${name.replaceAll("'", "''")}';`,
      advice: 'Attach it again first, or restore it from a backup, if it held entries.',
    },
  }
}

/** Whether there are so many that reading the log takes more locks than the server should lend. */
export const partitionCount: Check = {
  area: 'partitions',
  what: 'number of partitions',
  as: 'owner',
  async look(visit) {
    const { maxPartitions } = visit.limits
    const count = (await visit.rows(PARTITIONS)).filter(({ bound }) => bound !== null).length
    const findings: readonly Finding[] =
      count <= (maxPartitions * 2) / 3
        ? []
        : [
            {
              kind: 'partitions-many',
              severity: 'warning',
              text: `The log has ${count} partitions, and the relay makes none beyond AUDIT_MAX_PARTITIONS (${maxPartitions}).`,
              remedy: {
                advice:
                  'Remove old entries by a policy, take wider partitions (AUDIT_PARTITION_WIDTH), or raise the maximum.',
              },
            },
          ]
    return answer(findings, `${count} of at most ${maxPartitions}`)
  },
}

/** Whether the log is larger than it should be. */
export const logSize: Check = {
  area: 'partitions',
  what: 'size of the log',
  as: 'relay',
  async look(visit) {
    const { maxLogBytes } = visit.limits
    const { bytes } = await visit.row(
      'select audit.log_bytes()::float8 as bytes',
      [],
      ['owner', 'relay'],
    )
    const logBytes = Number(bytes)
    const findings: readonly Finding[] =
      maxLogBytes === 0 || logBytes <= maxLogBytes
        ? []
        : [
            {
              kind: 'log-too-large',
              severity: 'warning',
              text: `The log has ${mebibytes(logBytes)} on disk, more than AUDIT_MAX_LOG_BYTES (${mebibytes(maxLogBytes)}).`,
              remedy: {
                command: 'audit-relay retention',
                advice:
                  'It shows what the policies let go. Set one that keeps less, or raise the maximum.',
              },
            },
          ]
    return answer(findings, mebibytes(logBytes))
  },
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`
}
