import { holderHint } from '../maintenance/log-watch.ts'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'
import type { Visit } from './visit/visit.ts'

const seconds = (ms: unknown) => `${Math.round(Number(ms) / 1_000)} s`

/**
 * Sessions of this database whose transaction is open for longer than `AUDIT_MAX_LOCK_MS`. VACUUM
 * leaves what was deleted since.
 */
export const transactions: Check = {
  area: 'sessions',
  what: 'long transactions and xmin',
  as: 'owner',
  async look(visit) {
    const { maxLockMs } = visit.limits
    const seer = visit.open.find(({ identity }) => identity?.seesSessions)
    if (seer === undefined) {
      const login = visit.open[0]?.identity?.login ?? '<login>'
      return {
        findings: [],
        skipped: {
          why: `a login sees the transactions of others only as a superuser or with: grant pg_read_all_stats to ${login};`,
        },
      }
    }
    const rows = await seer.rows(
      `select a.pid, a.usename::text as login, a.application_name as application, a.state,
         a.backend_xmin is not null as holds_xmin,
         extract(epoch from clock_timestamp() - a.xact_start)::float8 * 1000 as for_ms
       from pg_stat_activity as a
       where a.datname = current_database() and a.pid <> pg_backend_pid()
         and a.xact_start < clock_timestamp() - make_interval(secs => ${maxLockMs / 1_000})
         and a.backend_type = 'client backend'
       order by a.xact_start limit 20`,
    )
    const findings = rows.map(
      ({ pid, login, application, state, holds_xmin, for_ms }): Finding => ({
        kind: 'long-transaction',
        severity: 'warning',
        text:
          `A session of ${login}${application ? ` (${application})` : ''} is ${state} in a transaction of ${seconds(for_ms)}` +
          `${holds_xmin === true ? ', and holds back VACUUM by its xmin' : ''}: busy tables grow.`,
        remedy: { sql: `select pg_terminate_backend(${pid});` },
      }),
    )
    return answer(findings, `none over ${seconds(maxLockMs)}`)
  },
}

/** What holds xmin without a session: prepared transactions, slots and standbys. */
export const held: Check = {
  area: 'sessions',
  what: 'prepared transactions and slots',
  async look(visit) {
    const prepared = await visit.rows(
      `select p.gid, p.owner::text as login,
         extract(epoch from clock_timestamp() - p.prepared)::float8 * 1000 as for_ms
       from pg_prepared_xacts as p where p.database = current_database()
         and p.prepared < clock_timestamp() - make_interval(secs => ${visit.limits.maxLockMs / 1_000}) order by p.prepared limit 20`,
    )
    const slots = await visit.rows(
      `select s.slot_name::text as name, s.xmin is not null or s.catalog_xmin is not null as holds_xmin,
         coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn()
           else pg_current_wal_lsn() end, s.restart_lsn), 0)::float8 as bytes
       from pg_replication_slots as s where not s.active and s.restart_lsn is not null
       order by 1 limit 20`,
    )
    const findings = [
      ...prepared.map(
        ({ gid, login, for_ms }): Finding => ({
          kind: 'prepared-transaction',
          severity: 'warning',
          text: `The prepared transaction ${gid} of ${login} is ${seconds(for_ms)} old: it keeps its locks and its xmin, also over a restart.`,
          remedy: {
            sql: `rollback prepared '${String(gid).replaceAll("'", "''")}';`,
            advice: 'Or commit it, if its transaction manager says so.',
          },
        }),
      ),
      ...slots.map(
        ({ name, holds_xmin, bytes }): Finding => ({
          kind: 'slot-inactive',
          severity: 'warning',
          text:
            `Nobody reads the replication slot ${name}: the server keeps ${(Number(bytes) / 1024 ** 2).toFixed(0)} MiB of WAL for it` +
            `${holds_xmin === true ? ', and it holds back VACUUM by its xmin' : ''}.`,
          remedy: {
            sql: `select pg_drop_replication_slot('${String(name).replaceAll("'", "''")}');`,
            advice: 'Or start what reads it.',
          },
        }),
      ),
    ]
    return answer(findings, 'none')
  },
}

/** Sessions that hold a lock of the log, by the function that the relay asks, too. */
export const logLocks: Check = {
  area: 'sessions',
  what: 'locks of the log',
  as: 'relay',
  async look(visit) {
    const { maxLockMs } = visit.limits
    const rows = await visit.rows(
      'select h.pid, h.login, h.application, h.for_ms from audit.who_holds_log() as h',
      [],
      ['owner', 'relay'],
    )
    const ages = await agesOf(visit)
    const findings = rows.flatMap(({ pid, login, application, for_ms }): Finding[] => {
      if (login === null && pid !== null) return [] // a worker of the server, which gives way
      const id = pid === null ? null : Number(pid)
      const forMs = Number(for_ms ?? ages.get(id) ?? 0)
      if (forMs < maxLockMs) return []
      const holder = { pid: id, login: text(login), application: text(application), forMs }
      return [
        {
          kind: 'log-locked',
          severity: 'warning',
          text: holderHint(holder),
          remedy:
            id === null
              ? { sql: 'select * from pg_prepared_xacts;' }
              : { sql: `select pg_terminate_backend(${id});` },
        },
      ]
    })
    return answer(findings, rows.length === 0 ? 'nobody holds one' : 'nobody holds one for long')
  },
}

/**
 * How long the transaction of each session is open. The function asks as the owner, who sees only its
 * own.
 */
async function agesOf({ open }: Visit): Promise<ReadonlyMap<number | null, number>> {
  const seer = open.find(({ identity }) => identity?.seesSessions)
  const rows = await seer?.rows(
    `select a.pid, extract(epoch from clock_timestamp() - a.xact_start)::float8 * 1000 as for_ms
     from pg_stat_activity as a where a.xact_start is not null`,
  )
  return new Map(rows?.map(({ pid, for_ms }) => [Number(pid), Number(for_ms)]))
}

function text(value: unknown): string | null {
  return value === null || value === undefined ? null : String(value)
}
