import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption } from '../command/values.ts'

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
    },
    variables: ['DATABASE_URL', 'AUDIT_RELAY_DATABASE_URL', 'AUDIT_STATEMENT_TIMEOUT_MS'],
  })
    .addOption(jsonOption())
    .runs(async ({ json }: { json?: true }) => {
      const { printStatus } = await import('./print-status.ts')
      return await printStatus(host.environment, { json: json === true })
    })
}
