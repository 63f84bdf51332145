import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import postgres from 'postgres'
import { exportToStream } from '../src/export/index.ts'
import { migrateDatabase } from '../src/schema/migrate.ts'
import { COMMITTED_FIELDS, leafHash, leafText, missingText } from '../src/seal/index.ts'
import { emptyDatabase, type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { readerOf } from './support/exports.ts'
import { logGoldenEntries } from './support/golden-leaves.ts'
import { appendHostileRows, HOSTILE_SETTINGS } from './support/hostile-rows.ts'
import { silentLogger } from './support/lanes.ts'
import { appendToLog } from './support/log-entries.ts'

const seqOf = (line: string) => Number(/^\{"seq":(\d+),/.exec(line)?.[1])
const SALT = '000102030405060708090a0b0c0d0e0f'

/** The log's lines as an export has them. */
async function linesOf(t: TestContext, scratch: ScratchDatabase): Promise<readonly string[]> {
  const stream = new PassThrough()
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  await exportToStream(readerOf(t, scratch), stream)
  return Buffer.concat(chunks).toString().split('\n').slice(0, -1)
}

async function leavesIn(url: string, settings = 'select'): Promise<readonly string[]> {
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(settings)
    // In hexadecimal, because a session in another encoding could not get the text.
    const rows = await sql.unsafe(`
      select pg_catalog.encode(pg_catalog.convert_to(
        audit.leaf_text(l, pg_catalog.decode('${SALT}', 'hex')), 'UTF8'), 'hex') as text
      from audit.audit_log as l order by l.seq`)
    return rows.map(({ text }) => Buffer.from(text, 'hex').toString())
  } finally {
    await sql.end({ timeout: 1 })
  }
}

// Goal: a person who has an exported line makes the leaf that the database sealed, byte by byte.
// Method: rows whose values can be printed in two ways, leaves in SQL and from the export's lines.
for (const ids of ['uuid', 'text'] as const) {
  test(`with ${ids} ids, leaves in SQL are those that the export's lines give`, async (t) => {
    const scratch = await emptyDatabase(t)
    const { url, sql } = scratch
    await migrateDatabase({ databaseUrl: url, logger: silentLogger(), ids })
    const count = await appendHostileRows(sql)
    if (ids === 'text') {
      await sql.unsafe(`
        with head as (update audit.audit_head set seq = seq + 1 returning seq)
        insert into audit.audit_log (id, seq, occurred_at, action, user_id, actor_id, more_targets)
        select '0199d400-0000-7000-8000-00000000ffff', head.seq, now(), 'a.b', e'o"brien\\\\☃',
          'Ada', array['a,b', e'"', 'null', ''] from head`)
    }
    const lines = await linesOf(t, scratch)
    assert.equal(lines.length, count + (ids === 'text' ? 1 : 0))
    const texts = await leavesIn(url)
    assert.deepEqual(
      texts,
      lines.map((line) => leafText(line, { salt: SALT })),
    )
    assert.equal(new Set(texts).size, lines.length, 'no two entries have the same leaf')
    for (const settings of HOSTILE_SETTINGS) {
      assert.deepEqual(await leavesIn(url, settings), texts, settings)
    }
  })
}

// Goal: a leaf is the same on every supported server, and as another program computed it.
test('the golden entries have their leaves in SQL', async (t) => {
  for (const ids of ['uuid', 'text'] as const) {
    const { url, sql } = await emptyDatabase(t)
    await migrateDatabase({ databaseUrl: url, logger: silentLogger(), ids })
    const entries = await logGoldenEntries(sql, ids)
    assert.ok(entries.length > 20)
    const salts = JSON.stringify(entries.map(({ line, salt }) => [seqOf(line), salt]))
    const rows = await sql`
      select l.seq::integer, audit.leaf_text(l, decode(s.pair ->> 1, 'hex')) as text
      from jsonb_array_elements(${salts}::text::jsonb) as s (pair)
      join audit.audit_log as l on l.seq = (s.pair ->> 0)::bigint order by l.seq`
    assert.deepEqual(
      rows.map(({ text }) => text),
      entries.toSorted((a, b) => seqOf(a.line) - seqOf(b.line)).map(({ text }) => text),
    )
    for (const { text, leaf } of entries) assert.equal(leafHash(text).toString('hex'), leaf)
  }
})

test('a commitment opens with the salt of its own field alone', async (t) => {
  const scratch = await emptyDatabase(t)
  const { url, sql } = scratch
  await migrateDatabase({ databaseUrl: url, logger: silentLogger() })
  await appendHostileRows(sql)
  const lines = await linesOf(t, scratch)
  const rows = await sql`
    select audit.leaf_commitments(l, decode(${SALT}, 'hex')) as fields from audit.audit_log as l
    order by l.seq`
  for (const [at, line] of lines.entries()) {
    const fields = rows[at]?.['fields'] as Record<string, { salt: string; commitment: string }>
    const opening = Object.fromEntries(
      Object.entries(fields).map(([name, { salt }]) => [name, { salt }]),
    )
    const text = leafText(line, opening)
    assert.equal(text, leafText(line, { salt: SALT }))
    const leaf = JSON.parse(text)
    for (const name of COMMITTED_FIELDS) {
      assert.equal(leaf[name], fields[name]?.commitment ?? null, `${name} of ${line}`)
    }
  }
})

async function sealed(sql: postgres.Sql, from: number, to: number) {
  const [row] = await sql`select l.* from audit.seal_leaves(${from}, ${to}) as l`
  return row as postgres.Row
}

async function saltOf(sql: postgres.Sql, seq: number): Promise<string> {
  const [row] = await sql`
    select encode(substr(s.salts, ${(seq % 256) * 16 + 1}, 16), 'hex') as salt
    from audit.audit_salt as s where s.n = ${Math.floor(seq / 256)}`
  return row?.['salt']
}

// Goal: a leaf depends on the entry and its salt, and not on where the entry stands or who asks.
// Method: 600 entries in several partitions in no order, some numbers missing, some removed.
test('the sealed hashes are those of the leaves, whichever partitions hold them', async (t) => {
  const scratch = await scratchDatabase(t)
  const { sql } = scratch
  const nowMs = Date.now()
  const monthMs = 31 * 86_400_000
  await appendToLog(
    sql,
    Array.from({ length: 600 }, (_, at) => ({
      // This month, the next one, and what only DEFAULT holds.
      ms: nowMs + ((at * 7) % 3) * monthMs - (at % 5 === 0 ? 400 * 86_400_000 : 0),
      userId: at % 2 === 0 ? null : '0190a0a0-1111-7222-8333-444455556666',
      metadata: { at },
    })),
  )
  const lines = await linesOf(t, scratch)
  await sql`update audit.audit_head set seq = 603`
  await sql`insert into audit.audit_removed (partition, first_seq, last_seq, by_entry)
    values ('gone', 602, 602, gen_random_uuid())`

  const found = await sealed(sql, 1, 603)
  assert.deepEqual([found['missing'], found['missing_count']], [[601, 603], 2])
  const expected = []
  for (const [at, line] of lines.entries()) {
    expected.push(leafHash(leafText(line, { salt: await saltOf(sql, at + 1) })))
  }
  for (const seq of [601, 602, 603]) expected.push(leafHash(missingText(seq)))
  assert.deepEqual(found['leaves'], Buffer.concat(expected))

  const [part, again] = [await sealed(sql, 250, 520), await sealed(sql, 1, 603)]
  assert.deepEqual(part['leaves'], Buffer.concat(expected.slice(249, 520)))
  assert.deepEqual(again['leaves'], found['leaves'])
  const salts = await Promise.all(lines.map((_, at) => saltOf(sql, at + 1)))
  assert.equal(new Set(salts).size, 600, 'each entry has its own salt')
})

test('no leaf is made beyond the head of the log', async (t) => {
  const { sql } = await scratchDatabase(t)
  await appendToLog(sql, [{}, {}])
  for (const [from, to] of [
    [0, 1],
    [1, 3],
    [2, 1],
    [1, 65_537],
  ] as const) {
    await assert.rejects(sealed(sql, from, to), { code: '22023' }, `${from} to ${to}`)
  }
  const [row] = await sql`select count(*)::integer as salts from audit.audit_salt`
  assert.equal(row?.['salts'], 0)
})
