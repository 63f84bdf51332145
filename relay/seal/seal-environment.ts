import fs from 'node:fs/promises'
import { optionInvalid } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'
import { parsePolicy, type Policy } from '../../src/seal/policy.ts'
import type { Environment } from '../config.ts'
import { openAnchors } from './anchors/open-anchors.ts'
import { keyTextIn } from './seal-keys.ts'
import { resolveSealOptions, type SealOptions } from './seal-options.ts'

/**
 * How the environment says that the log is sealed. Undefined where it names no key.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a wrong key or policy, or without `AUDIT_STATE_DIR`
 */
export async function readSeal(environment: Environment): Promise<SealOptions | undefined> {
  const key = await keyTextIn(environment)
  if (key === '') return undefined
  const { anchors: own } = resolveSealOptions({ key }, stateDirOf(environment))
  const command = environment['AUDIT_ANCHOR_COMMAND']?.trim() || undefined
  const others = openAnchors({ command, policy: await readPolicy(environment) })
  return { key, anchors: [...own, ...others] }
}

export function stateDirOf(environment: Environment): string | undefined {
  return environment['AUDIT_STATE_DIR']?.trim() || undefined
}

/** The policy of `AUDIT_POLICY_FILE`, whose witnesses are asked to cosign. Undefined: there is none. */
export async function readPolicy(environment: Environment): Promise<Policy | undefined> {
  const file = environment['AUDIT_POLICY_FILE']?.trim()
  if (!file) return undefined
  try {
    return parsePolicy(await fs.readFile(file, 'utf8'))
  } catch (error) {
    const code = fileCode(error)
    const why = code ? `${file} ${fileWords(code)}.` : String(Reflect.get(Object(error), 'message'))
    throw optionInvalid(`AUDIT_POLICY_FILE: ${why}`)
  }
}
