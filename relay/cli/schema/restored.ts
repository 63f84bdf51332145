import { CliCommand, type Host } from '../command/cli-command.ts'
import { textOption } from '../command/values.ts'

export function restoredCommand(host: Host): CliCommand {
  return new CliCommand('restored', host, {
    summary: 'say that this database was restored from an earlier copy',
    description:
      'Begins a new history of the log, because it gives numbers again that another copy of it has ' +
      'given, and declares a gap in the fast lane. Readers that go on from a cursor stop and say ' +
      'from which number to read again. Where the log is sealed, a new tree of the seal begins. Run it ' +
      'once after each restore.',
    group: 'Schema:',
    examples: {
      'after a restore, as a login that may act as audit_owner':
        'AUDIT_OWNER_DATABASE_URL=postgres://admin@db/shop audit-relay restored',
      'where something was erased since the copy was made':
        'audit-relay restored --erasures /var/lib/audit-eraser',
    },
    variables: ['DATABASE_URL', 'AUDIT_OWNER_DATABASE_URL'],
  })
    .addOption(
      textOption(
        '--erasures <folder>',
        'erase again what "audit-relay erase" has noted there: its AUDIT_STATE_DIR',
      ),
    )
    .runs(async ({ erasures }: { readonly erasures?: string }) => {
      const { sayRestored } = await import('./say-restored.ts')
      return await sayRestored(host.environment, erasures)
    })
}
