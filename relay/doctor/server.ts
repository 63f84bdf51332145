import fs from 'node:fs/promises'
import { OLDEST_SCHEMA_VERSION, schemaMisfit, SCHEMA_VERSION } from '../../src/schema/version.ts'
import { series } from '../../src/schema/series.ts'
import type { Check } from './visit/check.ts'
import { answer, type Finding } from './visit/finding.ts'
import type { Visit } from './visit/visit.ts'

const OLDEST_SERVER = 14

export const server: Check = {
  area: 'server',
  what: 'version and settings',
  async look(visit) {
    const row = await visit.row(`
      select current_setting('server_version_num')::integer / 10000 as major,
        current_setting('server_version') as version, pg_is_in_recovery() as is_standby,
        current_setting('fsync') as fsync, current_setting('full_page_writes') as pages,
        current_setting('synchronous_commit') as commits`)
    const findings: Finding[] = []
    if (Number(row['major']) < OLDEST_SERVER) {
      findings.push({
        kind: 'server-too-old',
        severity: 'error',
        text: `The server is PostgreSQL ${row['version']}; ${OLDEST_SERVER} or newer is needed.`,
        remedy: { advice: 'Upgrade the server.' },
      })
    }
    if (row['is_standby'] === true) {
      findings.push({
        kind: 'standby',
        severity: 'error',
        text: 'The server is a standby: it takes no entries, and UNLOGGED tables cannot be read on it.',
        remedy: { advice: 'Let the URLs lead to the primary (target_session_attrs=read-write).' },
      })
    }
    for (const [kind, name, is, what] of [
      ['fsync-off', 'fsync', row['fsync'], 'a crash of its machine can lose or damage everything'],
      [
        'full-page-writes-off',
        'full_page_writes',
        row['pages'],
        'a crash of its machine can damage tables',
      ],
    ] as const) {
      if (is !== 'off') continue
      findings.push({
        kind,
        severity: 'error',
        text: `${name} is off: ${what}.`,
        remedy: {
          sql: `alter system set ${name} = on;\nselect pg_reload_conf();`,
          advice: 'Where the command line of the server sets it, change it there.',
        },
      })
    }
    if (row['commits'] === 'off') {
      findings.push({
        kind: 'commits-asynchronous',
        severity: 'note',
        text: 'synchronous_commit is off: a crash of the server loses the last commits, with their entries of the outbox. The relay turns it on for its own moves.',
        remedy: { sql: 'alter system set synchronous_commit = on;\nselect pg_reload_conf();' },
      })
    }
    return answer(findings, `PostgreSQL ${row['version']}`)
  },
}

/** Whether the schema is there. The other checks need it. */
export const hasSchema = `
  select exists (
    select from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname = 'audit' and c.relname = 'audit_schema_version'
  ) as is_there`

export const notMigrated: Finding = {
  kind: 'not-migrated',
  severity: 'error',
  text: 'The database has no schema "audit", or only a part of it.',
  remedy: { command: 'audit-relay migrate' },
}

export const versions: Check = {
  area: 'schema',
  what: 'version',
  as: 'relay',
  async look(visit) {
    const row = await visit.row(
      'select version, min_reader_version as oldest from audit.audit_schema_version',
    )
    if (row['version'] === undefined) {
      return {
        findings: [
          {
            kind: 'version-missing',
            severity: 'error',
            text: 'audit.audit_schema_version is empty, so no relay works on this database.',
            remedy: {
              sql: `insert into audit.audit_schema_version (version, min_reader_version) values (${SCHEMA_VERSION}, ${OLDEST_SCHEMA_VERSION});`,
            },
          },
        ],
      }
    }
    const found = { version: Number(row['version']), minReaderVersion: Number(row['oldest']) }
    const misfit = schemaMisfit(found)
    const findings: Finding[] = []
    if (misfit) {
      const isNewer = found.minReaderVersion > SCHEMA_VERSION
      findings.push({
        kind: isNewer ? 'schema-too-new' : 'schema-too-old',
        severity: 'error',
        text: misfit,
        remedy: { command: isNewer ? 'npm install audit-outbox@latest' : 'audit-relay migrate' },
      })
    } else if (found.version < SCHEMA_VERSION) {
      findings.push(
        behind(
          `The schema has version ${found.version}, and this package makes ${SCHEMA_VERSION}.`,
        ),
      )
    } else if (await lacksMigrations(visit)) {
      findings.push(behind('Not all migrations of this package are applied.'))
    }
    return answer(findings, `${found.version}; this package makes ${SCHEMA_VERSION}`)
  },
}

function behind(text: string): Finding {
  return {
    kind: 'migrations-pending',
    severity: 'warning',
    text,
    remedy: { command: 'audit-relay migrate' },
  }
}

/** False where the bookkeeping may not be read: then the version alone speaks. */
async function lacksMigrations(visit: Visit): Promise<boolean> {
  const rows = await visit
    .rows('select created_at::text as at from audit.audit_migrations', [], ['owner'])
    .catch(() => undefined)
  const applied = new Set(rows?.map(({ at }) => Number(at)))
  return rows !== undefined && series().some(({ createdAt }) => !applied.has(createdAt))
}

const LEAST_FREE = { share: 0.05, bytes: 10 * 1024 ** 3 }

export const disk: Check = {
  area: 'server',
  what: 'disk',
  as: 'owner',
  async look(visit) {
    const local = visit.open.find(
      ({ host }) => /^(?:localhost|127\.|\[::1\])/.test(host) || host === '',
    )
    if (local === undefined) {
      return {
        findings: [],
        skipped: {
          why: 'PostgreSQL does not tell how much disk is free; watch it on the machine of the server',
        },
      }
    }
    const { folder } = await visit.row(`select current_setting('data_directory') as folder`)
    const stats = await fs.statfs(String(folder)).catch(() => undefined)
    if (stats === undefined)
      return { findings: [], skipped: { why: `the folder ${folder} is not on this machine` } }
    const [free, all] = [stats.bavail * stats.bsize, stats.blocks * stats.bsize]
    const gib = (free / 1024 ** 3).toFixed(1)
    const isLow = free < LEAST_FREE.bytes && free / all < LEAST_FREE.share
    const findings: readonly Finding[] = isLow
      ? [
          {
            kind: 'disk',
            severity: 'warning',
            text: `Free disk of the server: ${gib} GiB. When it is full nothing can be recorded or moved.`,
            remedy: {
              advice: 'Free or add space. See "When the database has no room" in relay/README.md.',
            },
          },
        ]
      : []
    return answer(findings, `${gib} GiB free`)
  },
}
