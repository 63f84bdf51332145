import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { countOption, durationOption, jsonOption } from '../command/values.ts'
import type { StatusOptions } from './print-status.ts'

const THRESHOLDS = ['maxLag', 'maxDepth', 'maxDeadLetters', 'maxMissing'] as const

export function statusCommand(host: Host): CliCommand {
  return new CliCommand('status', host, {
    summary: 'show what waits, for how long, and the account of each recorder',
    description:
      'Shows how many entries wait in staging and outbox and for how long, the last seq, the numbers ' +
      'of dead letters and gaps, and for each recorder what it accepted, what of that is logged, in ' +
      'flight or missing, and what it dropped.',
    group: 'Relay:',
    examples: {
      'how long the oldest entry has waited, in milliseconds':
        'audit-relay status --json | jq .lagMs',
      'for cron, which mails what is written to standard error':
        'audit-relay status --check --max-lag 2m > /dev/null',
    },
    variables: [
      'DATABASE_URL',
      'AUDIT_RELAY_DATABASE_URL',
      'AUDIT_STATEMENT_TIMEOUT_MS',
      'AUDIT_MAX_LAG_MS',
      'AUDIT_MAX_LOG_BYTES',
    ],
    exitCodes: {
      3: '--check found a figure above its limit; one line on standard error says which',
    },
  })
    .addOption(jsonOption())
    .option('--check', 'print one line, and exit with 3 where a figure is above its limit')
    .addOption(
      durationOption('--max-lag <time>', 'with --check: how long an entry may wait', {
        says: 'AUDIT_MAX_LAG_MS, else 300s',
      }),
    )
    .addOption(
      countOption('--max-depth <n>', 'with --check: how many may wait (default: any number)', {
        min: 0,
      }),
    )
    .addOption(
      countOption('--max-dead-letters <n>', 'with --check: how many there may be (default: 0)', {
        min: 0,
      }),
    )
    .addOption(
      countOption(
        '--max-missing <n>',
        'with --check: entries of recorders that are lost and in no declared gap (default: 0)',
        { min: 0 },
      ),
    )
    .runs(async (options: StatusOptions) => {
      const stray = THRESHOLDS.find((name) => options[name] !== undefined)
      if (stray !== undefined && !options.check) {
        const flag = `--${stray.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
        throw misuse(`${flag} goes with --check only: add --check, or leave ${flag} out.`)
      }
      const { printStatus } = await import('./print-status.ts')
      return await printStatus(host.environment, options)
    })
}
