import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption, textOption } from '../command/values.ts'
import type { DoctorChoice } from './print-diagnosis.ts'

export function doctorCommand(host: Host): CliCommand {
  return new CliCommand('doctor', host, {
    summary: 'find what is wrong, and say what to do about it',
    description:
      'Connects as each role that has a URL, and looks at the server, the schema, the partitions, the ' +
      'rights, the numbers of the log, the sessions, and what waits. Each finding has a remedy that ' +
      'can be run as it is printed. It writes nothing: every query runs in a read-only transaction. ' +
      'What a login may not look at is said, with the variable to set.',
    group: 'Relay:',
    examples: {
      'everything that four logins can see':
        'AUDIT_OWNER_DATABASE_URL=postgres://admin@db/shop audit-relay doctor',
      'the kinds of what is wrong':
        'audit-relay doctor --json | jq -r \'.findings[] | select(.severity != "note").kind\'',
      'read the SQL of a remedy, then run it':
        'audit-relay doctor --sql --only table-logged | psql "$AUDIT_OWNER_DATABASE_URL"',
    },
    variables: [
      'DATABASE_URL',
      'AUDIT_OWNER_DATABASE_URL',
      'AUDIT_RELAY_DATABASE_URL',
      'AUDIT_APP_DATABASE_URL',
      'AUDIT_READER_DATABASE_URL',
      'AUDIT_KEEPER_DATABASE_URL',
      'AUDIT_ERASER_DATABASE_URL',
      'AUDIT_STATE_DIR',
      'AUDIT_SEAL_KEY_FILE',
      'AUDIT_SEAL_KEY',
      'AUDIT_NAMES_SQL',
      'AUDIT_FIND_SQL',
      'AUDIT_STATEMENT_TIMEOUT_MS',
      'AUDIT_MAX_LAG_MS',
      'AUDIT_MAX_LOCK_MS',
      'AUDIT_MONTHS_AHEAD',
      'AUDIT_PARTITION_WIDTH',
      'AUDIT_MAX_PARTITIONS',
      'AUDIT_MAX_LOG_BYTES',
    ],
    exitCodes: {
      0: 'nothing is wrong; there may be notes',
      1: 'no database could be reached',
      3: 'entries are lost or may be, are not moved, or others may write the log',
      4: 'warnings only',
    },
  })
    .addOption(jsonOption())
    .option('--sql', 'print only the SQL of the remedies')
    .addOption(textOption('--only <kind>', 'print only the findings of this kind'))
    .runs(async (choice: DoctorChoice) => {
      const { printDiagnosis } = await import('./print-diagnosis.ts')
      return await printDiagnosis(host.environment, choice)
    })
}
