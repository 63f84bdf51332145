import { Argument } from 'commander'
import { CliCommand, type Host } from '../command/cli-command.ts'
import { misuse } from '../command/misuse.ts'
import { textOption } from '../command/values.ts'

const OUT = '--out <file>'

export function keysCommand(host: Host): CliCommand {
  return new CliCommand('keys', host, {
    summary: 'make and replace the key that seals the log',
    description:
      'Makes and replaces the key that seals the log, and prints what others need to check what it ' +
      'signed.',
    group: 'Proof:',
  }).holds(makeKey(host), policy(host), rotate(host))
}

function makeKey(host: Host): CliCommand {
  return new CliCommand('new', host, {
    summary: 'make a key, and print its public half',
    description:
      'Writes a new Ed25519 key to a file that its user alone can read, and prints the public key. ' +
      'The seal keeps this name forever, so take one of a domain that is yours. Keep a copy of ' +
      'the file where no one else has it, and never in the database.',
    examples: { 'a first key': 'audit-relay keys new example.com/audit --out seal.key' },
  })
    .addArgument(new Argument('<name>', 'name of the seal, such as example.com/audit'))
    .addOption(textOption(OUT, 'file to write; it must not exist'))
    .runs(async ({ out }: { out?: string }, name: string) => {
      if (out === undefined) throw misuse('Say where the key goes: --out seal.key.')
      const { writeNewKey } = await import('./make-keys.ts')
      return await writeNewKey(name, out)
    })
}

function policy(host: Host): CliCommand {
  return new CliCommand('policy', host, {
    summary: 'print the policy by which others check proofs',
    description:
      'Prints the public keys of each tree of the seal, the last size of each one that has ended, ' +
      'and the witnesses of AUDIT_POLICY_FILE: all that somebody needs to check a proof without us. ' +
      'It knows the trees from the memory of the sealer in AUDIT_STATE_DIR.',
    examples: { 'what auditors get': 'audit-relay keys policy > audit.policy' },
    variables: ['AUDIT_SEAL_KEY_FILE', 'AUDIT_SEAL_KEY', 'AUDIT_STATE_DIR', 'AUDIT_POLICY_FILE'],
  }).runs(async () => {
    const { printKeysPolicy } = await import('./make-keys.ts')
    return await printKeysPolicy(host.environment)
  })
}

function rotate(host: Host): CliCommand {
  return new CliCommand('rotate', host, {
    summary: 'replace the key by a new one of the same name',
    description:
      'Writes a new key to a file, followed by the old one, so that both sign until everybody has ' +
      'the new public key; then delete the second line. An entry audit.key_rotate says it in the log. ' +
      'Where the old key is lost or stolen, give --without-old: the file then holds the new one alone.',
    examples: {
      'once a year': "audit-relay keys rotate --out seal-2027.key --reason 'yearly'",
      'after a theft': "audit-relay keys rotate --out seal-2.key --without-old --reason 'stolen'",
    },
    variables: [
      'DATABASE_URL',
      'AUDIT_RELAY_DATABASE_URL',
      ...['AUDIT_SEAL_KEY_FILE', 'AUDIT_SEAL_KEY', 'AUDIT_STATE_DIR', 'AUDIT_STATEMENT_TIMEOUT_MS'],
    ],
  })
    .addOption(textOption(OUT, 'file to write; it must not exist'))
    .addOption(textOption('--reason <text>', 'why, in at most 1000 characters; required'))
    .option('--without-old', 'the old key does not sign any more: it is lost or stolen')
    .runs(async (flags: { out?: string; reason?: string; withoutOld?: true }) => {
      const { out, reason, withoutOld = false } = flags
      if (out === undefined) throw misuse('Say where the key goes: --out seal-2.key.')
      if (reason === undefined) throw misuse("Say why: --reason 'yearly'.")
      if ([...reason].length > MAX_REASON)
        throw misuse(`--reason must have 1 to ${MAX_REASON} characters.`)
      const { rotateKey } = await import('./rotate-key.ts')
      return await rotateKey(host.environment, { out, reason, withoutOld })
    })
}

const MAX_REASON = 1_000
