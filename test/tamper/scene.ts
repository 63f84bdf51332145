import { hash, randomUUID } from 'node:crypto'
import postgres from 'postgres'
import { createRelay } from '../../relay/index.ts'
import { createRecorder } from '../../src/recorder/create-recorder.ts'
import type { Recorder } from '../../src/recorder/recorder.ts'
import { silentLogger } from '../support/lanes.ts'
import { type TestKey, testKey } from '../support/memory-tree.ts'
import { sealLog } from '../support/seal-log.ts'
import { testLogin } from '../support/server.ts'

/** A sealed log that attacks are played on, each in a transaction that is rolled back. */
export interface Scene {
  readonly url: string
  readonly key: TestKey
  readonly policy: string
  /** Every checkpoint that was published, the oldest first. */
  readonly notes: readonly string[]
  /** How many entries are sealed. */
  readonly sealed: number
  /** How many are in the log. */
  readonly head: number
  /** Numbers of entries of which something was erased. */
  readonly erased: readonly [partly: number, wholly: number]
  /** The run of numbers that a policy removed. */
  readonly removed: readonly [first: number, last: number]
}

export interface SceneSize {
  readonly sealed: number
  readonly unsealed: number
}

const PERSON = '0190a000-0000-7000-8000-00000000beef'

/**
 * Records entries as an application does, moves and seals them, erases some, and removes some by a
 * policy. Everything is done by the book.
 */
export async function makeScene(url: string, { sealed, unsealed }: SceneSize): Promise<Scene> {
  const key = testKey()
  const sql = postgres(url, { max: 1, onnotice: () => {} })
  const urlAs = (role: 'audit_app' | 'audit_relay') => {
    const { name: username, password } = testLogin(role)
    return Object.assign(new URL(url), { username, password }).href
  }
  const recorders = [1, 2].map(() =>
    createRecorder({
      databaseUrl: urlAs('audit_app'),
      logger: silentLogger(),
      maxBufferEntries: sealed + unsealed,
    }),
  )
  const move = async () => {
    await Promise.all(recorders.map((recorder) => recorder.flush()))
    const relay = createRelay({ databaseUrl: urlAs('audit_relay'), logger: silentLogger() })
    await relay.drain({ deadlineMs: 60_000 })
    await relay.stop()
  }
  const head = async () => {
    const [row] = await sql`select audit.last_seq()::float8 as head`
    return Number(row?.['head'])
  }
  const fill = async (to: number) => {
    const from = await head()
    for (let n = from + 1; n <= to; n += 1) recordOne(recorders[n % 2], n)
    await move()
    if ((await head()) !== to) throw new Error(`The log has ${await head()} entries, not ${to}.`)
  }
  // So many that a reader leaves some out, by what the catalogue says of them.
  while (await madePartitions(sql)) {}
  const notes: string[] = []
  const seal = async (size?: number) => {
    notes.push(await sealLog(sql, { signer: key.signer, ...(size === undefined ? {} : { size }) }))
  }
  try {
    const part = Math.floor(sealed / 5)
    await fill(part * 4)
    for (const size of [part, part * 2, part * 2 + 77, part * 3]) await seal(size)
    const erased = [part + 3, part + 4] as const
    const removed = [41, 60] as const
    await eraseByTheBook(sql, erased)
    await removeByTheBook(sql, removed)
    await move()
    await fill(part * 4 + 40)
    await seal()
    await fill(sealed)
    await seal()
    await fill(sealed + unsealed)
    const policy = `log ${key.vkey}\nquorum none\n`
    return { url, key, policy, notes, sealed, head: sealed + unsealed, erased, removed }
  } finally {
    await Promise.all(recorders.map((recorder) => recorder.close()))
    await sql.end({ timeout: 1 })
  }
}

/** Makes some partitions of the last two years. */
async function madePartitions(sql: postgres.Sql): Promise<boolean> {
  const [row] = await sql`
    select audit.ensure_partitions_between(now() - interval '2 years', now()) as made`
  return Number(row?.['made']) > 0
}

function recordOne(recorder: Recorder | undefined, n: number): void {
  const isRare = n % 50 === 0
  recorder?.record({
    action: n % 3 === 0 ? 'guest.check_in' : 'branding.update',
    entityType: 'event',
    userId: n % 7 === 0 ? PERSON : randomUUID(),
    targetId: randomUUID(),
    requestId: `request-${n}`,
    metadata: { n, amount: 8638, note: `entry ${n}`, changes: [{ from: 'a', to: 'b' }] },
    ...(isRare ? { actorId: randomUUID(), actorKind: 'service', moreTargets: [randomUUID()] } : {}),
  })
}

/** Turns every trigger of the schema off, as only a superuser or the owner can. */
export async function disableTriggers(session: Session): Promise<void> {
  for (const { table } of await triggersOf(session)) {
    await session.unsafe(`alter table ${table} disable trigger user`)
  }
}

type Session = postgres.Sql | postgres.ReservedSql

async function triggersOf(session: Session) {
  const rows = await session`
    select t.tgrelid::regclass::text as table, quote_ident(t.tgname) as name
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid
    where c.relnamespace = 'audit'::regnamespace and not t.tgisinternal`
  return rows.map(({ table, name }) => ({ table: String(table), name: String(name) }))
}

async function withoutTriggers(session: Session, work: () => Promise<unknown>): Promise<void> {
  const triggers = await triggersOf(session)
  await disableTriggers(session)
  await work()
  for (const { table, name } of triggers) {
    await session.unsafe(`alter table ${table} enable always trigger ${name}`)
  }
}

async function eraseByTheBook(
  sql: postgres.Sql,
  [partly, wholly]: readonly [number, number],
): Promise<void> {
  const all = [
    'user_id',
    'actor_id',
    'target_id',
    'more_targets',
    'request_id',
    'metadata',
    'context',
  ]
  for (const [seq, fields] of [
    [partly, ['user_id', 'metadata']],
    [wholly, all],
  ] as const) {
    await sql`select from audit.erase(array[${seq}::bigint], ${sql.array([...fields])}, 'asked for')`
    // Long enough ago that its entry is not on its way to its seal any more.
    await sql`update audit.audit_erasure set erased_at = now() - interval '1 hour'`
  }
}

/** Blanks fields of an entry and keeps their commitments, without a word in the log. */
export async function eraseBlank(
  session: Session,
  seq: number,
  fields: readonly string[],
): Promise<void> {
  await session.unsafe(
    `insert into audit.audit_erasure (seq, id, fields, opening, erased_by, erased_at)
     select l.seq, l.id, $2::text::text[], (
       select jsonb_object_agg(c.key, case when c.key = any ($2::text::text[])
         then jsonb_build_object('erased', c.value -> 'commitment')
         else jsonb_build_object('salt', c.value -> 'salt') end)
       from jsonb_each(audit.leaf_commitments(
         l, substr(s.salts, (l.seq % 256)::integer * 16 + 1, 16))) as c
     ), session_user, now() - interval '1 hour'
     from audit.audit_log as l join audit.audit_salt as s on s.n = l.seq / 256
     where l.seq = $1`,
    [seq, `{${fields.join(',')}}`],
  )
  await session.unsafe(
    `update audit.audit_salt set salts =
       overlay(salts placing decode(repeat('00', 16), 'hex') from ($1::bigint % 256)::integer * 16 + 1)
     where n = $1::bigint / 256`,
    [seq],
  )
  const blank = fields.map((field) =>
    field === 'metadata' || field === 'context' ? `${field} = '{}'` : `${field} = null`,
  )
  await session.unsafe(`update audit.audit_log set ${blank.join(', ')} where seq = $1`, [seq])
}

/** What retention leaves behind. */
async function removeByTheBook(
  sql: postgres.Sql,
  [first, last]: readonly [number, number],
): Promise<void> {
  const text = `{[${first},${last + 1})}`
  const said = {
    ...{
      partition: 'audit_log_2026_01',
      removed: last - first + 1,
      runs: 1,
      seqs: [[first, last]],
    },
    seqsSha256: hash('sha256', text, 'hex'),
  }
  const [row] = await sql`
    select audit.put_ours('audit.retention', null, ${JSON.stringify(said)}::text::jsonb, '{}') as id`
  await withoutTriggers(sql, async () => {
    await sql`
      insert into audit.audit_removed (partition, first_seq, last_seq, removed_at, by_entry)
      values ('audit_log_2026_01', ${first}, ${last}, now() - interval '1 hour', ${row?.['id']})`
    await sql`delete from audit.audit_log where seq between ${first} and ${last}`
  })
}
