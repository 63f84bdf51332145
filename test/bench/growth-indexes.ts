import postgres from 'postgres'
import type { PartOptions } from './part.ts'
import { interleave, type Rounds, type Sample } from './rounds.ts'

export const ALL_INDEXES = 'all indexes'

/**
 * The drain with each index of the log taken away in turn. Not the primary key: the relay looks
 * there whether an entry is in the log already.
 */
export async function measureIndexes(
  url: string,
  drain: () => Promise<Sample>,
  { rounds, say }: { rounds: number; say: PartOptions['say'] },
): Promise<Rounds> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    const indexes = await sql`
      select c.relname as name, pg_get_indexdef(i.indexrelid) as definition
      from pg_index as i join pg_class as c on c.oid = i.indexrelid
      where i.indrelid = 'audit.audit_log'::regclass and not i.indisprimary
      order by c.relname`
    const without = indexes.map(({ name, definition }) => [
      String(name),
      async () => {
        await sql.unsafe(`drop index audit.${name}`)
        try {
          return await drain()
        } finally {
          await sql.unsafe(String(definition))
        }
      },
    ])
    const variants = Object.fromEntries([[ALL_INDEXES, drain], ...without])
    return await interleave(variants, {
      rounds,
      onTurn: (name, round) =>
        say(`${name === ALL_INDEXES ? 'with' : 'without'} ${name}, round ${round + 1}`),
    })
  } finally {
    await sql.end({ timeout: 1 })
  }
}
