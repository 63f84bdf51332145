import { CliCommand, type Host } from '../command/cli-command.ts'
import { jsonOption } from '../command/values.ts'

/** What every command that seals or publishes reads. */
export const SEAL_VARIABLES = [
  'DATABASE_URL',
  'AUDIT_RELAY_DATABASE_URL',
  'AUDIT_SEAL_KEY_FILE',
  'AUDIT_SEAL_KEY',
  'AUDIT_STATE_DIR',
  'AUDIT_ANCHOR_COMMAND',
  'AUDIT_POLICY_FILE',
]

interface SealFlags {
  readonly once?: true
  readonly json?: true
}

export function sealCommand(host: Host): CliCommand {
  return new CliCommand('seal', host, {
    summary: 'seal the log: sign a hash of all its entries',
    description:
      'Adds new entries to a tree of hashes, signs its root with the seal key, and hands what it ' +
      'signed to the anchors, until SIGTERM or SIGINT. "audit-relay run" does the same where a key ' +
      'is set; this command is for a machine of its own, away from that of the relay. It refuses to ' +
      'go on where the database is an older copy of the log, until "audit-relay restored" declares ' +
      'it.',
    group: 'Proof:',
    examples: {
      'seal what is there, for cron': 'audit-relay seal --once',
      'seal for good': 'AUDIT_SEAL_KEY_FILE=/etc/audit/seal.key audit-relay seal',
    },
    variables: [
      ...SEAL_VARIABLES,
      'AUDIT_SEAL_MAX_LAG_MS',
      'AUDIT_SEAL_MAX_ENTRIES',
      'AUDIT_VERIFY_EVERY_MS',
      'AUDIT_READER_DATABASE_URL',
      'AUDIT_STATEMENT_TIMEOUT_MS',
      'AUDIT_LOG_LEVEL',
    ],
    exitCodes: {
      1: 'failed, or with --once an anchor did not take the checkpoint',
      3: 'refused: the database is not the one that was sealed; the message says why',
      130: 'a second SIGINT ended it at once (143: SIGTERM)',
    },
  })
    .option('--once', 'seal what the log holds now, publish it, then exit')
    .addOption(jsonOption())
    .runs(async (flags: SealFlags) => {
      const { runSeal, sealOnce } = await import('./run-seal.ts')
      return flags.once
        ? await sealOnce(host.environment, flags.json === true)
        : await runSeal(host.environment)
    })
}
