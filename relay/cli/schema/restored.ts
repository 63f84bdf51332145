import { CliCommand, type Host } from '../command/cli-command.ts'

export function restoredCommand(host: Host): CliCommand {
  return new CliCommand('restored', host, {
    summary: 'say that this database was restored from an earlier copy',
    description:
      'Begins a new history of the log, because it gives numbers again that another copy of it has ' +
      'given, and declares a gap in the fast lane. Readers that go on from a cursor stop and say ' +
      'from which number to read again. Run it once after each restore.',
    group: 'Schema:',
    examples: {
      'after a restore, as a login that may act as audit_owner':
        'AUDIT_OWNER_DATABASE_URL=postgres://admin@db/shop audit-relay restored',
    },
    variables: ['DATABASE_URL', 'AUDIT_OWNER_DATABASE_URL'],
  }).runs(async () => {
    const { sayRestored } = await import('./say-restored.ts')
    return await sayRestored(host.environment)
  })
}
