import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { countOption, durationOption } from '../command/values.ts'
import { LIMIT_VARIABLES } from '../command/variables.ts'

const DEADLINE = { ms: 60_000, says: '60s' }

interface RunOptions {
  readonly once?: true
  readonly maxRows?: number
  readonly deadline?: number
}

export function runCommand(host: Host): CliCommand {
  return new CliCommand('run', host, {
    summary: 'move entries from staging and outbox into the log',
    description:
      'Moves entries from staging and outbox into the log until SIGTERM or SIGINT. The first signal ' +
      'finishes the batch in hand; a second one quits at once. The name of this command may be left ' +
      'out: "audit-relay --once" is "audit-relay run --once".',
    group: 'Relay:',
    examples: {
      'run for good, with health checks and metrics on port 9464':
        'AUDIT_HTTP_PORT=9464 audit-relay run',
      'move what is there, for at most five minutes: for cron, or after the last deployment':
        'audit-relay run --once --deadline 5m',
    },
    variables: [
      'DATABASE_URL',
      'AUDIT_RELAY_DATABASE_URL',
      'AUDIT_READER_DATABASE_URL',
      'AUDIT_STATE_DIR',
      'AUDIT_SEAL_KEY_FILE',
      'AUDIT_SEAL_KEY',
      'AUDIT_ANCHOR_COMMAND',
      'AUDIT_POLICY_FILE',
      'AUDIT_VERIFY_EVERY_MS',
      'AUDIT_LOG_LEVEL',
      'AUDIT_HTTP_PORT',
      'AUDIT_HTTP_HOST',
      'AUDIT_PAGE_TOKEN',
      'AUDIT_PAGE_AUDIT_READS',
      'AUDIT_PAGE_TRUST_PROXY',
      'AUDIT_PAGE_VIEWS',
      'AUDIT_ACTIONS',
      'AUDIT_NAMES_SQL',
      'AUDIT_FIND_SQL',
      'AUDIT_PARTITION_WIDTH',
      ...LIMIT_VARIABLES,
    ],
    exitCodes: {
      0: 'stopped by a signal; with --once: staging and outbox are empty',
      3: '--once reached its --max-rows or --deadline, and entries are left',
      4: '--once wrote dead letters',
      130: 'a second SIGINT ended it at once (143: SIGTERM)',
    },
  })
    .option('--once', 'move until staging and outbox are empty, then exit')
    .addOption(
      countOption('--max-rows <n>', 'with --once: stop after about this many rows', { min: 1 }),
    )
    .addOption(durationOption('--deadline <time>', 'with --once: stop after this time', DEADLINE))
    .runs(async ({ once, maxRows, deadline }: RunOptions) => {
      if (!once && (maxRows ?? deadline) !== undefined) {
        const given = maxRows === undefined ? '--deadline' : '--max-rows'
        throw misuse(`${given} goes with --once only: add --once, or leave ${given} out.`)
      }
      const { drainOnce, runRelay } = await import('./run-relay.ts')
      if (!once) return await runRelay(host.environment)
      return await drainOnce(host.environment, { maxRows, deadlineMs: deadline ?? DEADLINE.ms })
    })
}
