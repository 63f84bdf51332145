import { CliCommand, type Host } from '../command/cli-command.ts'
import { LACKS_KEEPER } from '../command/help.ts'
import { jsonOption } from '../command/values.ts'
import { S3_KEYS } from '../command/variables.ts'
import type { RetentionFlags } from './run-retention.ts'

const VARIABLES = [
  'DATABASE_URL',
  'AUDIT_KEEPER_DATABASE_URL',
  'AUDIT_RETENTION_LOCK_TIMEOUT_MS',
  'AUDIT_RETENTION_DEADLINE_MS',
]
const ARCHIVE_VARIABLES = [
  ...['AUDIT_ARCHIVE', 'AUDIT_ARCHIVE_URL', 'AUDIT_ARCHIVE_KEEP', 'AUDIT_ARCHIVE_LEGAL_HOLD'],
  ...S3_KEYS,
]
const BLOCKED = 'blocked: a lock, a reader, the archive or a hold; the message says which'
const NOT_UNDONE =
  'refused: there is nothing to undo, or the login lacks the role audit_keeper; nothing was changed'
const INTERRUPTED =
  'interrupted by SIGINT, Ctrl-C (143: by SIGTERM), behind the step in hand; what was done is printed'
const QUIET = 'print no progress on standard error'

export function retentionCommand(host: Host): CliCommand {
  return new CliCommand('retention', host, {
    summary: 'remove what the policies let go; without --apply show what that would be',
    description:
      'Shows, for each partition of the log that is wholly past the shortest policy, what is due, ' +
      'what policies and holds keep, and which readers are behind. It changes nothing. With --apply ' +
      'it replaces each such partition by what stays of it, writes an entry audit.retention, and ' +
      'drops what was removed seven days ago or longer. Run it by cron, as a login of its own.',
    group: 'Years:',
    examples: {
      'what would go now': 'audit-relay retention',
      'what cron runs each night': 'audit-relay retention --apply',
      'do not wait for a reader that nobody runs any more':
        'audit-relay retention --apply --ignore-cursor old-siem',
      'bring back what was removed by mistake': 'audit-relay retention undo audit_log_2025_10',
    },
    variables: [...VARIABLES, ...ARCHIVE_VARIABLES],
    exitCodes: { 3: BLOCKED, 4: LACKS_KEEPER, 130: INTERRUPTED },
  })
    .option('--apply', 'do it; without it nothing is changed')
    .addOption(jsonOption())
    .option('--quiet', QUIET)
    .option(
      '--ignore-cursor <name>',
      'do not wait for this reader; may be given several times',
      (name: string, before: readonly string[] | undefined) => [...(before ?? []), name],
    )
    .holds(undo(host))
    .runs(async (options: RetentionFlags) => {
      const { runRetention } = await import('./run-retention.ts')
      return await runRetention(host.environment, options)
    })
}

function undo(host: Host): CliCommand {
  return new CliCommand('undo', host, {
    summary: 'bring back what was removed of a partition, until it is dropped',
    description:
      'Brings back what was removed of a partition last, as long as it was not dropped, which is ' +
      'seven days after its removal. An entry audit.retention_undo says so in the log. The policy ' +
      'is still there: change it first, or the next run removes the same again.',
    examples: {
      'what was removed of October 2025': 'audit-relay retention undo audit_log_2025_10',
    },
    variables: VARIABLES,
    exitCodes: {
      3: BLOCKED,
      4: NOT_UNDONE,
      130: 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM); nothing was changed',
    },
  })
    .argument('<partition>', 'its name, as "audit-relay retention" prints it')
    .addOption(jsonOption())
    .option('--quiet', QUIET)
    .runs(async (given: RetentionFlags, partition: string) => {
      const { runUndo } = await import('./run-retention.ts')
      return await runUndo(host.environment, partition, given)
    })
}
