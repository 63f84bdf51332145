import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption } from '../command/values.ts'
import { SEAL_VARIABLES } from './seal.ts'

interface CheckpointFlags {
  readonly publish?: true
  readonly json?: true
}

export function checkpointCommand(host: Host): CliCommand {
  return new CliCommand('checkpoint', host, {
    summary: 'print the newest checkpoint of the seal, with its cosignatures',
    description:
      'Prints the newest checkpoint of the seal: the name, how many entries it is about, the root of ' +
      'their hashes, and the signatures. Keep it where nobody who can change the database can change ' +
      'it. With --publish it is first compared with what the sealer remembers, and handed to the ' +
      'anchors again.',
    group: 'Proof:',
    examples: {
      'keep what is sealed now': 'audit-relay checkpoint > checkpoint-2026-11-27.txt',
      'hand it to the anchors now': 'audit-relay checkpoint --publish',
    },
    variables: ['AUDIT_READER_DATABASE_URL', ...SEAL_VARIABLES, 'AUDIT_STATEMENT_TIMEOUT_MS'],
    exitCodes: {
      1: 'failed, or an anchor did not take it',
      3: '--publish refused: the database is not the one that was sealed',
      6: 'nothing is sealed yet',
    },
  })
    .option('--publish', 'hand it to the anchors')
    .addOption(jsonOption())
    .runs(async (flags: CheckpointFlags) => {
      const { printCheckpoint } = await import('./print-checkpoint.ts')
      return await printCheckpoint(host.environment, flags)
    })
}
