import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import type { TestContext } from 'node:test'
import type postgres from 'postgres'
import { type SealMemoryStore, volatileMemory } from '../../relay/seal/memory.ts'
import { type SealKeys, sealKeysOf } from '../../relay/seal/seal-keys.ts'
import { openSealStatements, type SealStatements } from '../../relay/seal/seal-statements.ts'
import { Sealer } from '../../relay/seal/sealer.ts'
import type { Database } from '../../src/database/connection.ts'
import { exportToStream } from '../../src/export/index.ts'
import type { AuditLogger } from '../../src/logger.ts'
import {
  leafHash,
  leafText,
  missingText,
  newKey,
  openCheckpoint,
  rootOfLeaves,
  vkeyOf,
} from '../../src/seal/index.ts'
import type { ScratchDatabase } from './database.ts'
import { PATIENT_MS, silentLogger } from './lanes.ts'

export const LOG_NAME = 'example.com/audit'

export function testKeys(name = LOG_NAME): SealKeys {
  return sealKeysOf(newKey(name).key)
}

export interface TestSealer {
  readonly keys: SealKeys
  readonly memory?: SealMemoryStore
  readonly logger?: AuditLogger
  readonly maxLagMs?: number
  readonly maxEntries?: number
  /** Stands between the sealer and the database. */
  readonly wrap?: (statements: SealStatements) => SealStatements
}

/** A sealer with the rights of the relay. Stopped after the test. */
export function sealerOn(
  t: TestContext,
  { urlAs }: Pick<ScratchDatabase, 'urlAs'>,
  options: TestSealer,
): Sealer {
  const { keys, memory = volatileMemory(), logger = silentLogger(), wrap } = options
  const { maxLagMs = 10_000, maxEntries = 16_384 } = options
  const own = openSealStatements({
    url: urlAs('audit_relay'),
    statementTimeoutMs: PATIENT_MS,
  })
  const statements = wrap ? wrap(own) : own
  const sealer = new Sealer({ statements, keys, memory, logger, maxLagMs, maxEntries })
  t.after(() => sealer.stop())
  return sealer
}

/** The log's lines as an export has them. */
export async function exportedLines(db: Database): Promise<readonly string[]> {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await exportToStream(db, stream)
  return Buffer.concat(chunks).toString().split('\n').slice(0, -1)
}

/**
 * Checks every checkpoint of a database against the root of its leaves as RFC 6962 defines it. The
 * leaves are made from the export's lines and the salts.
 *
 * @returns the sizes of the checkpoints, by the name of the tree
 */
export async function checkSeal(
  sql: postgres.Sql,
  lines: readonly string[],
  keys: SealKeys,
): Promise<Readonly<Record<string, readonly number[]>>> {
  const salts = new Map<number, Buffer>(
    (await sql`select n::integer as n, salts from audit.audit_salt`).map(({ n, salts }) => [
      n,
      salts,
    ]),
  )
  const bySeq = new Map(lines.map((line) => [Number(/^\{"seq":(\d+),/.exec(line)?.[1]), line]))
  const leafOf = (seq: number) => {
    const line = bySeq.get(seq)
    if (line === undefined) return leafHash(missingText(seq))
    const at = (seq % 256) * 16
    const salt = salts.get(Math.floor(seq / 256))?.toString('hex', at, at + 16) ?? ''
    return leafHash(leafText(line, { salt }))
  }
  const found: Record<string, number[]> = {}
  const rows = await sql`
    select o.name, o.first_seq::integer as first, c.size::integer as size,
      c.previous::integer as previous, c.root, c.note
    from audit.audit_origin as o left join audit.audit_checkpoint as c on c.origin = o.origin
    order by o.origin, c.size`
  for (const { name, first, size, previous, root, note } of rows) {
    found[name] ??= []
    const sizes = found[name]
    if (size === null) continue
    assert.equal(previous, sizes.at(-1) ?? 0, 'a checkpoint stands on the one before')
    const leaves = Array.from({ length: size }, (_, at) => leafOf(first + at))
    assert.ok(rootOfLeaves(leaves).equals(root), `${name} at ${size} has the root of its leaves`)
    const vkeys = keys.signers.map(({ publicKey }) => vkeyOf(name, publicKey))
    assert.deepEqual(openCheckpoint(note, vkeys), { origin: name, size, root })
    sizes.push(size)
  }
  return found
}
