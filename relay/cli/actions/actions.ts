import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { jsonOption } from '../command/values.ts'

export function actionsCommand(host: Host): CliCommand {
  return new CliCommand('actions', host, {
    summary: 'print the catalogue of actions, for auditors',
    description:
      'Prints the catalogue that MODULE exports: each action, the sentence that the timeline shows, ' +
      'the kind of entity, the lane, and the fields of its metadata with their types. MODULE is the ' +
      'path of a file, in which defineActions() was called. It is imported, so keep the catalogue ' +
      'in a file that does nothing else.',
    group: 'Export:',
    examples: {
      'a Markdown table': 'audit-relay actions --md src/actions.js > ACTIONS.md',
      'the names alone': "audit-relay actions --json src/actions.js | jq -r '.[].action'",
    },
    variables: ['AUDIT_ACTIONS'],
  })
    .argument('[module]', 'the file that exports the catalogue (default: AUDIT_ACTIONS)')
    .option('--md', 'print a Markdown table; the default')
    .addOption(jsonOption())
    .runs<{ md?: true; json?: true }, [string | undefined]>(async ({ md, json }, module) => {
      if (md && json) throw misuse('Give --md or --json, not both.')
      const file = module ?? host.environment['AUDIT_ACTIONS']?.trim()
      if (!file) throw misuse('Give the file that exports the catalogue, or set AUDIT_ACTIONS.')
      const { printActions } = await import('./print-actions.ts')
      return await printActions(file, { json: json === true })
    })
}
