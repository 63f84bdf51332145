import path from 'node:path'
import { optionInvalid } from '../../src/errors.ts'
import { refuseUnknownOptions } from '../../src/options.ts'
import { vkeyOf } from '../../src/seal/key.ts'
import type { Anchor } from './anchors/anchor.ts'
import { ANCHOR_FILE, fileAnchor } from './anchors/file-anchor.ts'
import { type SealKeys, sealKeysOf } from './seal-keys.ts'

/** How a log is sealed. Either `key`, or `sign` with `publicKey` and `name`. */
export interface SealOptions {
  /** The text of the file that `audit-relay keys new` wrote. After a rotation it holds two keys. */
  readonly key?: string | undefined
  /** Signs by an Ed25519 key that never leaves its place, such as that of a KMS: 64 bytes, in 10 s. */
  readonly sign?: ((bytes: Buffer) => Promise<Buffer>) | undefined
  /** The public key of `sign`, 32 bytes. */
  readonly publicKey?: Buffer | undefined
  /** The name of the seal, such as `example.com/audit`: no spaces and no pluses. */
  readonly name?: string | undefined
  /**
   * Where checkpoints are kept outside of the database.
   * Default: the file `anchor.txt` in `stateDir`.
   */
  readonly anchors?: readonly Anchor[] | undefined
}

export interface ResolvedSeal {
  readonly keys: SealKeys
  readonly anchors: readonly Anchor[]
  readonly stateDir: string
}

/**
 * @param stateDir where the sealer remembers what it has signed
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for options that do not fit, or without a `stateDir`
 */
export function resolveSealOptions(
  options: SealOptions,
  stateDir: string | undefined,
): ResolvedSeal {
  refuseUnknownOptions(options, ['key', 'sign', 'publicKey', 'name', 'anchors'])
  const keys = keysOf(options)
  if (stateDir === undefined) {
    throw optionInvalid(
      'Where the log is sealed, set AUDIT_STATE_DIR: a folder outside of the database, in which the ' +
        'sealer remembers what it has signed. Without it nobody notices a restored copy.',
    )
  }
  const { anchors = [fileAnchor(path.join(stateDir, ANCHOR_FILE))] } = options
  return { keys, anchors, stateDir }
}

function keysOf({ key, sign, publicKey, name }: SealOptions): SealKeys {
  const others = [sign, publicKey, name].filter((one) => one !== undefined).length
  if (key !== undefined && others === 0) return sealKeysOf(key)
  if (key === undefined && sign && publicKey && name !== undefined) {
    vkeyOf(name, publicKey) // refuses a name or a key that no checkpoint can have
    return { name, signers: [{ name, publicKey, sign }] }
  }
  throw optionInvalid('seal needs either key, or all of sign, publicKey and name.')
}
