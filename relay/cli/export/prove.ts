import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { countsArgument, jsonOption, textOption } from '../command/values.ts'

interface ProveGiven {
  readonly file?: string
  readonly out?: string
  readonly quiet?: true
  readonly json?: true
}

export function proveCommand(host: Host): CliCommand {
  return new CliCommand('prove', host, {
    summary: 'prove entries to somebody who has neither the log nor this program',
    description:
      'Writes each entry with its proof: SEQ.ndjson, the line of an export that ends in its seal, and ' +
      'SEQ.tlog-proof. An auditor checks them with verify-proof.mjs or verify_proof.py of this ' +
      'package, and with the policy that "audit-relay keys policy" prints. Without --out both go to standard ' +
      'output. A proof shows the whole entry.',
    group: 'Export:',
    examples: {
      'one entry, for an auditor': 'audit-relay prove 20481 --out for-the-auditor',
      'every entry of an export': 'audit-relay prove --file branding.ndjson --out proofs',
    },
    variables: ['DATABASE_URL', 'AUDIT_READER_DATABASE_URL'],
    exitCodes: {
      0: 'each entry is proved',
      1: 'failed; the message says why',
      2: 'wrong options or settings, or the file cannot be read',
      5: 'an entry is not what was sealed; the message names it',
      6: 'nothing proves an entry: it is not in the log, or not sealed yet',
      130: 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM); what is written stays',
    },
  })
    .addArgument(countsArgument('[seq...]', 'numbers of entries', 'seq'))
    .addOption(
      textOption(
        '--file <file>',
        'prove the entries of this file: an NDJSON export, or a seq a line',
      ),
    )
    .addOption(textOption('--out <folder>', 'write files into this folder; it is made if need be'))
    .option('--quiet', 'print no progress on standard error')
    .addOption(jsonOption())
    .runs(async ({ file, out, quiet, json }: ProveGiven, seqs: readonly number[] = []) => {
      if (seqs.length === 0 && file === undefined) throw misuse('Give a seq, or --file <file>.')
      if (json && out === undefined) {
        throw misuse('--json goes to standard output: give --out <folder>.')
      }
      const { writeProofs } = await import('./write-proofs.ts')
      const isQuiet = quiet === true || out === undefined
      return await writeProofs(host.environment, { seqs, file, out, isQuiet, json: json === true })
    })
}
