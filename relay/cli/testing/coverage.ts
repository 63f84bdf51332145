import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption, textOption } from '../command/values.ts'

export function coverageCommand(host: Host): CliCommand {
  return new CliCommand('coverage', host, {
    summary: 'run tests, and name the routes that recorded nothing',
    description:
      'Runs the tests, in any number of processes, and fails where a POST, PUT, PATCH or DELETE ' +
      'route recorded nothing in all of them, or a GET route recorded something. The tests call ' +
      'watchRoutes(app) of audit-outbox/testing where they make their application.',
    group: 'Tests:',
    examples: {
      'with Vitest': 'audit-relay coverage -- npx vitest run',
      'with exemptions, each with a reason':
        'audit-relay coverage --exempt audit-exempt.json -- node --test',
    },
    exitCodes: {
      0: 'the tests passed and no route is left',
      1: 'a route is left; where the tests failed, their exit code',
    },
  })
    .argument('<command...>', 'what runs the tests, after --')
    .addOption(textOption('--exempt <file>', 'JSON such as {"POST /ping": "it changes nothing"}'))
    .addOption(jsonOption())
    .runs<{ exempt?: string; json?: true }, [string[]]>(async ({ exempt, json }, command) => {
      const { runCovered } = await import('./run-covered.ts')
      return await runCovered(command, { exemptFile: exempt, json: json === true })
    })
}
