import fs from 'node:fs'
import path from 'node:path'
import { fileMemory } from '../../relay/seal/memory.ts'
import { sealKeysOf } from '../../relay/seal/seal-keys.ts'
import { openSealStatements } from '../../relay/seal/seal-statements.ts'
import { Sealer } from '../../relay/seal/sealer.ts'
import { verifyLog } from '../../relay/seal/verify/verify-log.ts'
import { Database } from '../../src/database/connection.ts'
import { vkeyOf } from '../../src/seal/index.ts'
import { quietLogger } from '../bench/quiet-logger.ts'
import type { Scene } from './scene.ts'

const TIMEOUT_MS = 120_000

/**
 * Seals what is left, as each relay would go on, and compares the whole log with its seal and with
 * every checkpoint that a relay has published.
 */
export async function verifySeal(scene: Scene, wrong: string[]) {
  const keys = sealKeysOf(scene.sealKey)
  const timeouts = { statementTimeoutMs: TIMEOUT_MS }
  const database = new Database({ url: scene.url, applicationName: 'chaos verify', ...timeouts })
  try {
    let size = 0
    for (const { name } of scene.relays) {
      const sealer = new Sealer({
        statements: openSealStatements({ url: scene.relayUrl, ...timeouts }),
        ...{ keys, memory: fileMemory(scene.stateDir(name)), logger: quietLogger },
        ...{ maxLagMs: 10_000, maxEntries: 16_384 },
      })
      await sealer.drain().then(
        (report) => {
          size = report.size
        },
        (error: unknown) => wrong.push(`${name} does not go on sealing: ${String(error)}`),
      )
      await sealer.stop()
    }
    const published = scene.relays.flatMap(({ name }) => {
      const file = path.join(scene.stateDir(name), 'anchor.txt')
      return fs.existsSync(file) ? [fs.readFileSync(file, 'utf8')] : []
    })
    const vkey = vkeyOf(keys.name, keys.signers[0].publicKey)
    const { code, findings, rows } = await verifyLog(database, {
      policy: `log ${vkey}\nquorum none\n`,
      anchor: published.join('\n'),
    })
    for (const { kind, seq, text } of findings) wrong.push(`verify: ${kind} at ${seq}: ${text}`)
    const [checkpoints] =
      (await scene.ask(
        (sql) => sql<{ n: number }[]>`select count(*)::integer as n from audit.audit_checkpoint`,
      )) ?? []
    return {
      'sealed entries': size,
      'of these compared by verify': rows,
      checkpoints: checkpoints?.n ?? 0,
      'exit code of verify': code,
    }
  } finally {
    await database.close()
  }
}
