import { MAX_PARTITIONS } from '../../src/read/partitions.ts'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'
import type { Visit } from './visit/visit.ts'

/** So many entries are counted without being asked to. Counting reads the whole log. */
const COUNTED = 1_000_000
const HEAD = 'select h.seq::text as seq from audit.audit_head as h'
const HEAD_OF_RELAY = 'select b.last_seq::text as seq from audit.backlog() as b'

/**
 * The head is the number of entries, because `seq` has no gaps, but for the numbers that policies let
 * go. It is read before and after the log, so that entries that are moved meanwhile are no finding.
 */
export const numbers: Check = {
  area: 'log',
  what: 'seq and head',
  as: 'owner',
  async look(visit) {
    const readHead = async () => {
      const row = await visit
        .row(HEAD, [], ['owner'])
        .catch(() => visit.row(HEAD_OF_RELAY, [], ['relay']))
      return row['seq'] === undefined || row['seq'] === null ? undefined : Number(row['seq'])
    }
    const before = await readHead()
    if (before === undefined) return { findings: [noHead] }
    let [last, entries] = [0, 0]
    const removals = new Set<number>()
    for (const range of await rangesOf(visit)) {
      const log = await visit.row(
        `select greatest(max(l.seq), (select max(r.last_seq) from audit.audit_removed as r), 0)::text as last,
           (select count(*)::text from audit.audit_log as c where c.seq <= $1::text::bigint
             and $1::text::bigint <= ${COUNTED} and ${range.replaceAll('l.id', 'c.id')}) as entries,
           (select coalesce(sum(r.last_seq - r.first_seq + 1), 0)::text
             from audit.audit_removed as r where r.last_seq <= $1::text::bigint) as removed
         from audit.audit_log as l where ${range}`,
        [String(before)],
        ['owner', 'reader'],
      )
      last = Math.max(last, Number(log['last']))
      entries += Number(log['entries'])
      removals.add(Number(log['removed']))
    }
    const [removed = 0] = removals
    // Between two statements a retention may have removed some: then nothing can be said.
    const isCounted = before <= COUNTED && removals.size === 1
    const expected = before - removed
    const after = (await readHead()) ?? before
    const findings: Finding[] = []
    if (last > after) {
      findings.push({
        kind: 'head-behind',
        severity: 'error',
        text: `The log holds seq ${last}, and audit_head is at ${after}: the next entries get numbers that are taken.`,
        remedy: {
          sql: 'update audit.audit_head set seq = (select max(seq) from audit.audit_log);',
          advice: 'Find out who wrote into the log, or changed the head.',
        },
      })
    } else if (last < before) {
      findings.push({
        kind: 'log-ends-early',
        severity: 'error',
        text: `audit_head is at ${before}, and the last entry of the log is ${last}: the entries after it are gone.`,
        remedy: {
          command: 'audit-relay restored',
          advice:
            'Restore the missing entries from a backup or an export first. "restored" begins a new history, so that readers learn of it.',
        },
      })
    } else if (isCounted && entries !== expected) {
      findings.push({
        kind: entries < expected ? 'entries-missing' : 'seq-twice',
        severity: 'error',
        text:
          entries < expected
            ? `The log should hold ${expected} entries up to seq ${before}, and holds ${entries}: ${expected - entries} are gone.`
            : `The log holds ${entries} entries up to seq ${before}: ${entries - expected} have a number that another one has.`,
        remedy: {
          sql:
            entries < expected
              ? `select n as missing from generate_series(1, ${before}) as n where not exists (select from audit.audit_log as l where l.seq = n) and not exists (select from audit.audit_removed as r where n between r.first_seq and r.last_seq) limit 100;`
              : 'select seq, count(*) from audit.audit_log group by seq having count(*) > 1 limit 100;',
          advice:
            'Compare with a backup or an export. Somebody with the rights of the owner changed the log.',
        },
      })
    }
    const counted = isCounted
      ? `, all ${entries} counted`
      : `; not counted, ${before > COUNTED ? 'over a million' : 'some were removed meanwhile'}`
    const without = removed > 0 ? `; policies removed ${removed}` : ''
    return answer(findings, `the last seq is ${last}${counted}${without}`)
  },
}

/**
 * Conditions on `l.id` that together let every entry through. Each touches a few partitions, because
 * a statement about all of them locks each one with each of its indexes.
 */
async function rangesOf(visit: Visit): Promise<readonly string[]> {
  const rows = await visit.rows(
    'select p.from_id::text as id from audit.audit_partition as p order by p.from_id',
    [],
    ['owner', 'reader'],
  )
  const cuts = rows.filter((_, at) => at > 0 && at % MAX_PARTITIONS === 0).map(({ id }) => id)
  return [undefined, ...cuts].map((fromId, at) => {
    const toId = cuts[at]
    const from = fromId === undefined ? 'true' : `l.id >= '${fromId}'`
    return toId === undefined ? from : `${from} and l.id < '${toId}'`
  })
}

const noHead: Finding = {
  kind: 'head-missing',
  severity: 'error',
  text: 'audit.audit_head is empty, so nothing can be moved.',
  remedy: {
    sql:
      'insert into audit.audit_head (seq, history) select (select coalesce(max(seq), 0) from audit.audit_log),\n' +
      '  (select history from audit.audit_history order by at desc limit 1);',
  },
}

/** Rows without which the relay cannot work. */
export const rows: Check = {
  area: 'log',
  what: 'rows that are there from the beginning',
  as: 'owner',
  async look(visit) {
    const row = await visit.row(
      `select (select count(*) from audit.audit_turn)::integer as turns,
         (select count(*) from audit.audit_lane where lane in ('staging', 'outbox', 'import'))::integer as lanes`,
      [],
      ['owner'],
    )
    const findings: Finding[] = []
    if (row['turns'] !== 4_095) {
      findings.push({
        kind: 'turns-missing',
        severity: 'error',
        text: `audit.audit_turn has ${row['turns']} rows of 4095: moves and partitions wait for rows that are not there.`,
        remedy: {
          sql: 'insert into audit.audit_turn (turn) select generate_series(-1, 4093) on conflict do nothing;',
        },
      })
    }
    if (row['lanes'] !== 3) {
      findings.push({
        kind: 'lanes-missing',
        severity: 'error',
        text: 'audit.audit_lane lacks a lane: nothing is taken into it or out of it.',
        remedy: {
          sql:
            'insert into audit.audit_lane (lane, oldest_id) select l.lane, audit.id_floor(l.from_at)\n' +
            "  from (values ('staging', date_trunc('month', now(), 'UTC')), ('outbox', date_trunc('month', now(), 'UTC')),\n" +
            "    ('import', timestamptz '1970-01-01 00:00:00+00')) as l (lane, from_at) on conflict do nothing;",
        },
      })
    }
    return answer(findings, 'all there')
  },
}

/** The product's own entries. Nobody else's entry may have such a name. */
export const OURS: readonly string[] = [
  'audit.archive_restore',
  'audit.dead_letter_drop',
  'audit.drop',
  'audit.erase',
  'audit.gap',
  'audit.hold',
  'audit.hold_release',
  'audit.import',
  'audit.key_rotate',
  'audit.moved',
  'audit.policy',
  'audit.read',
  'audit.read_denied',
  'audit.restored',
  'audit.retention',
  'audit.retention_undo',
  'audit.token',
  'audit.verify',
  'audit.view_remove',
  'audit.view_save',
]

export const reserved: Check = {
  area: 'log',
  what: 'entries named audit.*',
  as: 'reader',
  async look(visit) {
    const found: number[] = []
    for (const range of await rangesOf(visit)) {
      const rows = await visit.rows(
        `select l.seq::text as seq from audit.audit_log as l
         where split_part(l.action, '.', 1) = 'audit' and l.action not in ('${OURS.join("', '")}')
           and ${range}
         order by l.seq limit 5`,
        [],
        ['owner', 'reader'],
      )
      found.push(...rows.map(({ seq }) => Number(seq)))
    }
    const seqs = found
      .sort((one, other) => one - other)
      .slice(0, 5)
      .join(', ')
    const findings: readonly Finding[] =
      found.length === 0
        ? []
        : [
            {
              kind: 'reserved-action',
              severity: 'error',
              text: `Entries with an action audit.* that this package does not write (seq ${seqs}): somebody wrote into the log by hand.`,
              remedy: {
                sql: `select seq, written_by, logged_at, action from audit.audit_log where seq in (${seqs});`,
                advice:
                  'Find the login in written_by, and take the right from it: see the findings about rights.',
              },
            },
          ]
    return answer(findings, 'only those of this package')
  },
}
