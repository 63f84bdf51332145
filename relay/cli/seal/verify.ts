import { Option } from 'commander'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { durationOption, jsonOption, shown, textOption } from '../command/values.ts'
import type { VerifyFlags } from './run-verify.ts'

const MAX_LAG = { says: '60s' }

export function verifyCommand(host: Host): CliCommand {
  return new CliCommand('verify', host, {
    summary: 'check that the log is what was sealed, by checkpoints that were kept outside',
    description:
      'Hashes every entry, compares it with what was sealed, and that with checkpoints that were kept ' +
      'outside of the database. It needs a login with audit_reader, and changes nothing. Without --policy ' +
      'and --anchor it finds much, and proves nothing: a log that was replaced as a whole fits itself. ' +
      'relay/proof.md has every kind of finding.',
    group: 'Proof:',
    examples: {
      'all of it': 'audit-relay verify --policy audit.policy --anchor anchor.txt',
      'what came since an earlier run, and a thirtieth of the rest, another one each day':
        'audit-relay verify --policy audit.policy --anchor anchor.txt --since last.txt --sample 1/30',
      'the kinds of what is wrong':
        "audit-relay verify --policy audit.policy --anchor anchor.txt --json | jq -r '.findings[].kind'",
    },
    variables: ['DATABASE_URL', 'AUDIT_READER_DATABASE_URL'],
    exitCodes: {
      0: 'proved',
      1: 'not finished: the database was away, or an entry cannot be read',
      3: 'entries wait for their seal for too long; nothing else was found',
      5: 'tampered with: a line for each finding',
      6: 'nothing to prove it by: no policy, no anchor, no seal, or a log that the policy does not know',
    },
  })
    .addOption(textOption('--policy <file>', 'whose signatures count, as "keys policy" prints it'))
    .addOption(
      textOption(
        '--anchor <file>',
        'checkpoints that were kept outside of the database, one or many',
      ),
    )
    .addOption(
      textOption(
        '--since <file>',
        'a checkpoint of an earlier run that proved the log: only later entries are read',
      ),
    )
    .addOption(
      new Option(
        '--sample <1/n>',
        'read one part in n of the entries, another part each day',
      ).argParser(sample),
    )
    .addOption(
      durationOption('--max-lag <time>', 'how long an entry may wait for its seal', MAX_LAG),
    )
    .addOption(jsonOption())
    .option('--quiet', 'say nothing about progress')
    .runs(async (flags: VerifyFlags) => {
      const { runVerify } = await import('./run-verify.ts')
      return await runVerify(host.environment, flags)
    })
}

/** @returns in how many parts */
function sample(text: string): number {
  const [, parts = ''] = /^1\/([1-9]\d{0,3})$/.exec(text) ?? []
  if (parts !== '') return Number(parts)
  throw misuse(`--sample must be one part in 1 to 9999, such as 1/30, got "${shown(text)}".`)
}
