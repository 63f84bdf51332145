import type { TestContext } from 'node:test'
import { leafHash, leafText, type Opening } from '../../src/seal/index.ts'
import type { ScratchDatabase } from './database.ts'
import { readerOf } from './exports.ts'
import { exportedLines } from './seals.ts'

/** The leaf hashes of the first tile, as hex. */
export async function tile({ sql }: ScratchDatabase): Promise<readonly string[]> {
  const [row] = await sql`
    select encode(hashes, 'hex') as hashes from audit.audit_tile where level = 0 and n = 0`
  return String(row?.['hashes']).match(/.{64}/g) ?? []
}

/** The leaf hashes as a stranger makes them: of the lines of an export, each with its opening. */
export async function leaves(t: TestContext, scratch: ScratchDatabase): Promise<readonly string[]> {
  const lines = await exportedLines(readerOf(t, scratch))
  const openings = await scratch.sql<{ opening: Opening }[]>`
    select coalesce(e.opening, jsonb_build_object('salt',
      encode(substr(s.salts, (l.seq % 256)::integer * 16 + 1, 16), 'hex'))) as opening
    from audit.audit_log as l
    join audit.audit_salt as s on s.n = l.seq / 256
    left join audit.audit_erasure as e on e.seq = l.seq order by l.seq`
  return lines.map((line, at) => {
    const plain = line.replace(/,"erased":\[[^\]]*\]\}$/, '}')
    return leafHash(leafText(plain, openings[at]?.opening ?? { salt: '' })).toString('hex')
  })
}
