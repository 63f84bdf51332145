import { Option } from 'commander'
import type { IdKind } from '../../../src/entry.ts'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { countOption, textOption, wordOption } from '../command/values.ts'

interface MigrateFlags {
  readonly sql?: true
  readonly from?: number
  readonly ids?: IdKind
  readonly rewrite?: true
  readonly yes?: true
  readonly rolesSql?: true
  readonly roles?: 'on' | 'off'
  readonly rolePrefix?: string
}

export function migrateCommand(host: Host): CliCommand {
  return new CliCommand('migrate', host, {
    summary: 'create the schema "audit", or bring it up to date',
    description:
      'Creates the schema "audit", or brings it up to date, in one transaction. It may run any ' +
      'number of times, and several at once: one of them migrates, the others find nothing to do. ' +
      'The ids of users, events and targets are UUIDs, unless --ids text is given once: then any ' +
      'text of up to 256 characters is an id. The database remembers --ids, --roles and --role-prefix.',
    group: 'Schema:',
    examples: {
      'as a login that may create schemas and roles':
        'AUDIT_OWNER_DATABASE_URL=postgres://admin@db/shop audit-relay migrate',
      'where ids are no UUIDs, such as user_2abc, auth0|5f7c or 42':
        'audit-relay migrate --ids text',
      'where the log holds entries already': 'audit-relay migrate --ids text --rewrite',
      'what a DBA runs first, where that login may not create roles':
        'AUDIT_OWNER_DATABASE_URL=postgres://shop_owner@db/shop audit-relay migrate --roles-sql > roles.sql',
      'one login for everything':
        'DATABASE_URL=postgres://shop@db/shop audit-relay migrate --roles off',
      'two databases of one server, each with roles of its own':
        'AUDIT_OWNER_DATABASE_URL=postgres://admin@db/shop audit-relay migrate --role-prefix shop_',
      'for a migration tool, or to read it first': 'audit-relay migrate --sql > audit.sql',
      'what a database of version 1 lacks': 'audit-relay migrate --sql --from 1 > audit.sql',
    },
    variables: ['DATABASE_URL', 'AUDIT_OWNER_DATABASE_URL'],
  })
    .option('--sql', 'print the SQL, without the roles, and change nothing; needs no database')
    .addOption(
      countOption(
        '--from <n>',
        'with --sql: print what a database of this version of the schema lacks; ' +
          'audit.audit_schema_version has it',
        { min: 0 },
      ),
    )
    .addOption(
      wordOption(
        '--ids <kind>',
        'what user, event and target ids are (default: what the database has, uuid in a new one)',
        ['uuid', 'text'],
      ),
    )
    .option(
      '--rewrite',
      'with --ids text: also where the log holds entries; says how long it takes',
    )
    .option('--yes', 'with --rewrite: do not ask')
    .addOption(
      new Option(
        '--roles-sql',
        'print the SQL that a DBA runs where the login of AUDIT_OWNER_DATABASE_URL may not create ' +
          'roles; connects to nothing',
      ).conflicts(['sql', 'from', 'roles', 'ids', 'rewrite', 'yes']),
    )
    .addOption(
      wordOption(
        '--roles <choice>',
        'on, or off for one login that does everything and can change the log (default: what the ' +
          'database has, on in a new one)',
        ['on', 'off'],
      ),
    )
    .addOption(
      textOption(
        '--role-prefix <text>',
        'stands before the name of each role, as in shop_audit_owner; a-z, 0-9 and _, at most 51',
      ),
    )
    .runs(async ({ sql, from, ids, rewrite, yes, rolesSql, ...roles }: MigrateFlags) => {
      if (rewrite && ids !== 'text') throw misuse('--rewrite goes with --ids text.')
      if (yes && !rewrite) throw misuse('--yes goes with --rewrite.')
      if (sql && rewrite) {
        throw misuse('--sql prints what makes a new database, which has nothing to rewrite.')
      }
      if (from !== undefined && !sql) throw misuse('--from goes with --sql only: add --sql.')
      if (from && ids) {
        throw misuse('--ids is for a new database: a database that has a version keeps its ids.')
      }
      const { applyMigrations, printMigrations, printRoles } = await import('./apply-migrations.ts')
      if (rolesSql) return await printRoles(host.environment, roles)
      if (sql) return await printMigrations({ ids, ...roles }, from)
      return await applyMigrations(host.environment, {
        ...roles,
        ids,
        rewrites: rewrite,
        isSure: yes,
      })
    })
}
