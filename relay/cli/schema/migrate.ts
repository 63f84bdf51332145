import { CliCommand, type Host } from '../command/cli-command.ts'

export function migrateCommand(host: Host): CliCommand {
  return new CliCommand('migrate', host, {
    summary: 'create the schema "audit", or bring it up to date',
    description:
      'Creates the schema "audit", or brings it up to date, in one transaction. It may run any ' +
      'number of times, and several at once: one of them migrates, the others find nothing to do.',
    group: 'Schema:',
    examples: {
      'as a login that may create schemas and roles':
        'AUDIT_OWNER_DATABASE_URL=postgres://admin@db/shop audit-relay migrate',
      'for a migration tool, or to read it first': 'audit-relay migrate --sql > audit.sql',
    },
    variables: ['DATABASE_URL', 'AUDIT_OWNER_DATABASE_URL'],
  })
    .option('--sql', 'print the SQL and change nothing; needs no database')
    .runs(async ({ sql }: { sql?: true }) => {
      const { applyMigrations, printMigrations } = await import('./apply-migrations.ts')
      return sql ? printMigrations() : await applyMigrations(host.environment)
    })
}
