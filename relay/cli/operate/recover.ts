import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption } from '../command/values.ts'

export function recoverCommand(host: Host): CliCommand {
  return new CliCommand('recover', host, {
    summary: 'stage what ended processes left in a folder',
    description:
      'Stages the entries that recorders left in a folder when their process ended before they were ' +
      'staged, and deletes each file whose entries are staged. Only files of this database are ' +
      'taken. It may run while recorders do the same, and as often as you like: no entry is logged ' +
      'twice.',
    group: 'Relay:',
    examples: {
      'a folder that the application and the relay share':
        'AUDIT_RELAY_DATABASE_URL=postgres://relay@db/shop audit-relay recover /var/lib/shop/audit',
    },
    variables: ['DATABASE_URL', 'AUDIT_RELAY_DATABASE_URL', 'AUDIT_STATEMENT_TIMEOUT_MS'],
  })
    .argument('<folder>', 'the folder, as in AUDIT_JOURNAL_DIR of the application')
    .addOption(jsonOption())
    .runs(async ({ json }: { json?: true }, folder: string) => {
      const { recover } = await import('./recover-folder.ts')
      return await recover(host.environment, folder, { json: json === true })
    })
}
