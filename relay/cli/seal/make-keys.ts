import fs from 'node:fs/promises'
import { AuditError, optionInvalid } from '../../../src/errors.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { newKey } from '../../../src/seal/key.ts'
import { printPolicy } from '../../../src/seal/policy.ts'
import type { Environment } from '../../config.ts'
import { knownPolicy } from '../../seal/known-policy.ts'
import { fileMemory, type SealMemory } from '../../seal/memory.ts'
import { readPolicy, stateDirOf } from '../../seal/seal-environment.ts'
import { readSealKeys } from '../../seal/seal-keys.ts'

const DONE = 0

/** Writes a new key to a file, and prints its public half. */
export async function writeNewKey(name: string, file: string): Promise<number> {
  const { key, vkey } = newKey(name)
  await writeKeyFile(file, key)
  process.stdout.write(`${vkey}\n`)
  return DONE
}

/** A file that its user alone can read. One that exists is never overwritten: it may be a key. */
export async function writeKeyFile(file: string, text: string): Promise<void> {
  try {
    const handle = await fs.open(file, 'wx', 0o600)
    try {
      await handle.chmod(0o600) // whatever the umask of this process is
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch (error) {
    const code = fileCode(error)
    if (code === 'EEXIST') {
      throw optionInvalid(`${file} exists, and a key is never overwritten. Give another --out.`)
    }
    if (code === undefined) throw error
    throw new AuditError('AUDIT_OPTION_INVALID', `--out: ${file} ${fileWords(code)}.`)
  }
}

/** Prints the keys of each tree, and what has ended. */
export async function printKeysPolicy(environment: Environment): Promise<number> {
  const keys = await readSealKeys(environment)
  const memory = await rememberedIn(environment)
  const given = await readPolicy(environment)
  process.stdout.write(printPolicy(knownPolicy(keys, memory, given)))
  return DONE
}

export async function rememberedIn(environment: Environment): Promise<SealMemory | undefined> {
  const folder = stateDirOf(environment)
  return folder === undefined ? undefined : await fileMemory(folder).load()
}
