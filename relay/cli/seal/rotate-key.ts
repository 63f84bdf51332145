import fs from 'node:fs/promises'
import { sql } from 'drizzle-orm'
import { Database } from '../../../src/database/connection.ts'
import { newKey, parseVkey, vkeyOf } from '../../../src/seal/key.ts'
import { type Environment, readConfig } from '../../config.ts'
import { keyTextIn, readSealKeys } from '../../seal/seal-keys.ts'
import { misuse } from '../command/misuse.ts'
import { rememberedIn, writeKeyFile } from './make-keys.ts'

export interface Rotation {
  readonly out: string
  readonly reason: string
  /** Whether the old key signs no more. */
  readonly withoutOld: boolean
}

const DONE = 0

/** Writes a new key of the same name, and an entry in the log that says so. */
export async function rotateKey(
  environment: Environment,
  { out, reason, withoutOld }: Rotation,
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  const { name, before, oldLine } = await oldKey(environment, withoutOld)
  const { key, vkey } = newKey(name)
  await writeKeyFile(out, `${key}${oldLine}`)
  const database = new Database({
    url: databaseUrl,
    role: 'audit_relay',
    applicationName: 'audit-relay keys',
    statementTimeoutMs: limits.statementTimeoutMs,
  })
  try {
    await database.execute(sql`/* audit-relay key */
      select audit.rotate_key(
        ${before}::pg_catalog.text, ${idOf(vkey)}::pg_catalog.text, ${reason}::pg_catalog.text)`)
  } catch (error) {
    // Nobody has used it, and the log does not know of it.
    await fs.rm(out, { force: true })
    throw error
  } finally {
    await database.close()
  }
  process.stdout.write(`${vkey}\n`)
  process.stderr.write(nextSteps(out, withoutOld))
  return DONE
}

function nextSteps(out: string, withoutOld: boolean): string {
  const steps = [
    `Point AUDIT_SEAL_KEY_FILE at ${out}, and restart each process that seals.`,
    'Print the new policy with "audit-relay keys policy", and give it to everybody who checks proofs.',
    ...(withoutOld ? [] : [`When they all have it, delete the second line of ${out}.`]),
  ]
  return steps.map((step, at) => `${at + 1}. ${step}\n`).join('')
}

/** The key that is replaced. A lost one is known from what the sealer remembers. */
async function oldKey(environment: Environment, withoutOld: boolean) {
  const keys = await readSealKeys(environment)
  if (keys) {
    const { name, signers } = keys
    const [current] = signers
    const lines = (await keyTextIn(environment)).split('\n')
    const line = lines.find((one) => one.trim() !== '') ?? ''
    const before = idOf(vkeyOf(name, current.publicKey))
    return { name, before, oldLine: withoutOld ? '' : `${line.trim()}\n` }
  }
  const memory = await rememberedIn(environment)
  const vkey = memory?.keys.find(({ ended }) => !ended)?.vkey
  if (!withoutOld || vkey === undefined) {
    throw misuse(
      'Name the key that is replaced in AUDIT_SEAL_KEY_FILE. Where it is lost, give --without-old, and ' +
        'AUDIT_STATE_DIR with the memory of the sealer.',
    )
  }
  return { name: parseVkey(vkey).name, before: idOf(vkey), oldLine: '' }
}

/** A key as the log names it: `name+id`. */
function idOf(vkey: string): string {
  const { name, id } = parseVkey(vkey)
  return `${name}+${id}`
}
