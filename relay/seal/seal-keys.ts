import fs from 'node:fs/promises'
import { AuditError, optionInvalid } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import { isSignature, parseVkey, type Signer, signerOfKey, vkeyOf } from '../../src/seal/key.ts'
import { within } from '../../src/within.ts'
import type { Environment } from '../config.ts'
import type { KnownKey } from './memory.ts'

/**
 * The keys that sign the checkpoints of a log. The first one is the current one; while a key is being
 * replaced, the one before signs, too.
 */
export interface SealKeys {
  /** The name of the log's first tree. */
  readonly name: string
  readonly signers: readonly [Signer, ...Signer[]]
}

/** A key management service may hang. */
const SIGN_DEADLINE_MS = 10_000
/** Readable by everybody: a file of a secret must not be. */
const FOR_OTHERS = 0o007

/**
 * The keys of a text that holds one on each line.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`; it quotes nothing of a key
 */
export function sealKeysOf(text: string): SealKeys {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  const [first, ...more] = lines.map((line) => signerOfKey(line.trim()))
  if (first === undefined) throw optionInvalid('The seal key is empty.')
  const stranger = more.find(({ name }) => name !== first.name)
  if (stranger) {
    throw optionInvalid(
      `The seal keys have different names, ${first.name} and ${stranger.name}: a key is replaced by ` +
        'one of the same name.',
    )
  }
  return { name: first.name, signers: [first, ...more] }
}

/**
 * The keys that `AUDIT_SEAL_KEY_FILE` or `AUDIT_SEAL_KEY` names. Undefined where neither is set: the
 * log is not sealed.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where there is no key in it, or where everybody can read
 * the file
 */
export async function readSealKeys(environment: Environment): Promise<SealKeys | undefined> {
  const text = await keyTextIn(environment)
  return text === '' ? undefined : sealKeysOf(text)
}

/** What the environment gives as a key, unread; empty where it names none. */
export async function keyTextIn(environment: Environment): Promise<string> {
  const file = environment['AUDIT_SEAL_KEY_FILE']?.trim()
  const text = environment['AUDIT_SEAL_KEY']?.trim() ?? ''
  if (file && text !== '') {
    throw optionInvalid('Set AUDIT_SEAL_KEY_FILE or AUDIT_SEAL_KEY, and not both.')
  }
  return file ? await readKeyFile(file) : text
}

/** Whether the environment names a key. */
export function hasSealKey(environment: Environment): boolean {
  return ['AUDIT_SEAL_KEY_FILE', 'AUDIT_SEAL_KEY'].some((name) => environment[name]?.trim())
}

async function readKeyFile(file: string): Promise<string> {
  try {
    const { mode } = await fs.stat(file)
    if ((mode & FOR_OTHERS) !== 0) {
      throw optionInvalid(
        `AUDIT_SEAL_KEY_FILE: every user of this machine can use ${file}. Run "chmod 600 ${file}"; ` +
          'for a Secret in Kubernetes set defaultMode: 0400.',
      )
    }
    return await fs.readFile(file, 'utf8')
  } catch (error) {
    const code = fileCode(error)
    throw code ? optionInvalid(`AUDIT_SEAL_KEY_FILE: ${file} ${fileWords(code)}.`) : error
  }
}

/** The name of a tree: that of the keys, with its number from the second on. */
export function treeName(name: string, origin: number): string {
  return origin === 1 ? name : `${name}/${origin}`
}

/**
 * The same key under the name of a tree. It checks what it signs: other sealers would refuse to go on
 * from a false signature.
 *
 * @throws {AuditError} when it signs: `AUDIT_DEADLINE_PASSED` after 10 s, `AUDIT_OPTION_INVALID` where
 * the signature is not one of the public key
 */
export function signerFor(signer: Signer, tree: string): Signer {
  const { publicKey } = signer
  return {
    name: tree,
    publicKey,
    async sign(bytes) {
      const signature = await within(SIGN_DEADLINE_MS, signer.sign(bytes), () => {
        throw new AuditError('AUDIT_DEADLINE_PASSED', 'The seal key did not sign within 10 s.')
      })
      if (isSignature(publicKey, bytes, signature)) return signature
      throw optionInvalid('What the seal key signs does not fit the public key given with it.')
    },
  }
}

/** The same public key under the name of a tree. */
export function vkeyFor(vkey: string, tree: string): string {
  return vkeyOf(tree, parseVkey(vkey).publicKey)
}

/**
 * The public keys by which a sealer opens a checkpoint, under the name of its tree: its own, and those
 * that it remembers. One that signs no more is good for what it has signed, and not beyond: it may have
 * been stolen.
 */
export function trustedKeys(
  { signers }: SealKeys,
  remembered: readonly KnownKey[],
  checkpoint: { readonly name: string; readonly size: number },
): readonly string[] {
  const { name, size } = checkpoint
  const own = signers.map(({ publicKey }) => vkeyOf(name, publicKey))
  const others = remembered
    .filter(({ ended }) => !ended || (ended.tree === name && size <= ended.size))
    .map(({ vkey }) => vkeyFor(vkey, name))
  return [...new Set([...own, ...others])]
}

/** What is remembered of keys, now that these sign a tree that has this size. */
export function keysAfter(
  { name, signers }: SealKeys,
  remembered: readonly KnownKey[],
  checkpoint: { readonly name: string; readonly size: number },
): readonly KnownKey[] {
  const signing = signers.map(({ publicKey }) => vkeyOf(name, publicKey))
  const ended = { tree: checkpoint.name, size: checkpoint.size }
  return [
    ...signing.map((vkey) => ({ vkey })),
    ...remembered
      .filter(({ vkey }) => !signing.includes(vkey))
      .map((key) => ({ vkey: key.vkey, ended: key.ended ?? ended })),
  ]
}
