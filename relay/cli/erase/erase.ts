import { Option } from 'commander'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { jsonOption, shown, textOption } from '../command/values.ts'
import { COMMITTED_FIELDS, type CommittedField } from '../../../src/seal/leaf.ts'

interface Flags {
  readonly user?: string
  readonly entry?: readonly number[]
  readonly fields?: readonly CommittedField[]
  readonly reason?: string
  readonly dryRun?: true
  readonly scrub?: true
  readonly yes?: true
  readonly json?: true
}

const LONGEST_REASON = 1000

export function eraseCommand(host: Host): CliCommand {
  return new CliCommand('erase', host, {
    summary: 'empty what entries hold about a user, for good',
    description:
      'Empties fields of entries, for good: who, to what, the request, metadata and context. That ' +
      'something happened, when, and what it was stay in the log. With --user it empties all of ' +
      'these fields of what the user did and of what was done for the user, and target and details of what was ' +
      'done to the user. It lists what else names the user, and the places outside of the log. An entry audit.erase ' +
      'says what was erased and why, without what it held. What a legal hold is about stays.',
    group: 'Years:',
    examples: {
      'what an erasure would empty, and where else the user is named':
        'audit-relay erase --user 7d9f0b1c-… --dry-run',
      'the request of a person': "audit-relay erase --user 7d9f0b1c-… --reason 'request 2026-81'",
      'a password that came into the metadata of two entries, also on disk':
        "audit-relay erase --entry 812 813 --fields metadata --reason 'leaked secret' --scrub",
    },
    variables: ['DATABASE_URL', 'AUDIT_ERASER_DATABASE_URL', 'AUDIT_STATE_DIR'],
    exitCodes: {
      1: 'failed; the message says what was erased before, and another run does the rest',
      4: 'refused: a legal hold is about it, or the login lacks the role audit_eraser; nothing more was erased',
      130: 'interrupted by SIGINT, Ctrl-C (143: by SIGTERM); another run does the rest',
    },
  })
    .addOption(textOption('--user <id>', 'erase what this user did and what was done to this user'))
    .addOption(
      new Option('--entry <seq...>', 'erase fields of the entries with these numbers').argParser(
        (text: string, before: readonly number[] | undefined) => [...(before ?? []), seqOf(text)],
      ),
    )
    .addOption(
      new Option(
        '--fields <names>',
        `only these, with commas: ${COMMITTED_FIELDS.join(', ')} (default: all of them)`,
      ).argParser(fieldsOf),
    )
    .addOption(
      textOption('--reason <text>', 'why, in at most 1000 characters and without a name; required'),
    )
    .option('--dry-run', 'show what would be erased; nothing is changed')
    .option(
      '--scrub',
      'then rewrite the tables, so that their files hold nothing of it; nobody reads a table meanwhile',
    )
    .option('--yes', 'do not ask')
    .addOption(jsonOption())
    .runs(async (flags: Flags) => {
      const { user, entry, fields, reason, dryRun, scrub, yes, json } = flags
      if ((user === undefined) === (entry === undefined)) {
        throw misuse('Say what is erased: give --user or --entry, one of them.')
      }
      if (dryRun && scrub)
        throw misuse('--scrub does not go with --dry-run, which changes nothing.')
      const said = reason?.trim() ?? ''
      const length = [...said].length
      if (!dryRun && reason === undefined) throw misuse("Say why: --reason 'request 2026-81'.")
      if (reason !== undefined && (length === 0 || length > LONGEST_REASON)) {
        throw misuse(`--reason must have 1 to ${LONGEST_REASON} characters, got ${length}.`)
      }
      const { runErase } = await import('./run-erase.ts')
      return await runErase(host.environment, {
        what: user === undefined ? { seqs: [...new Set(entry)] } : { user },
        fields,
        reason: said,
        isDry: dryRun === true,
        scrubs: scrub === true,
        isSure: yes === true,
        isJson: json === true,
      })
    })
}

function seqOf(text: string): number {
  const seq = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(seq) && seq > 0) return seq
  throw misuse(`--entry takes numbers of entries (seq), such as 812, got "${shown(text)}".`)
}

function fieldsOf(text: string): readonly CommittedField[] {
  const names = text.split(',').map((name) => name.trim())
  const strange = names.find((name) => !COMMITTED_FIELDS.some((known) => known === name))
  if (strange === undefined) return COMMITTED_FIELDS.filter((known) => names.includes(known))
  throw misuse(
    `--fields must be some of ${COMMITTED_FIELDS.join(', ')}, with commas, got "${shown(strange)}".`,
  )
}
