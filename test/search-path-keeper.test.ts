import assert from 'node:assert/strict'
import { test } from 'node:test'
import { attachRestored } from '../relay/archive/attach-restored.ts'
import { withArchive } from '../relay/archive/archived-file.ts'
import { Archiver } from '../relay/archive/archiver.ts'
import { readNoted } from '../relay/archive/noted-archives.ts'
import { restoreArchive } from '../relay/archive/restore-archive.ts'
import { FileStore } from '../relay/archive/stores/file-store.ts'
import { ImportStatements } from '../relay/import/import-statements.ts'
import { listHolds, placeHold, releaseHold } from '../relay/life/holds.ts'
import { listPolicies, removePolicy, setPolicy } from '../relay/life/policies.ts'
import { applyRetention, undoRetention } from '../relay/retention/apply-retention.ts'
import { planRetention, refuseUnknownReaders } from '../relay/retention/retention-plan.ts'
import { Database } from '../src/database/connection.ts'
import { type ScratchDatabase, scratchDatabase } from './support/database.ts'
import { scratchFolder } from './support/exports.ts'
import { keepUntil, logOld, makePartition } from './support/old-log.ts'
import { pgBouncer } from './support/pgbouncer.ts'
import { setPolicy as countPolicy } from './support/policies.ts'
import { assertNothingSprung, setTrap } from './support/trap-schema.ts'

// Goal and method: those of search-path.test.ts, for what the keeper's login sends. It never runs on
// a connection of somebody else's.

const USER = '11111111-1111-4111-8111-111111111111'
const signal = new AbortController().signal

async function sayWhatIsKept(database: Database): Promise<void> {
  await setPolicy(database, 'other.*', '30 days')
  assert.equal((await listPolicies(database)).length, 2)
  await removePolicy(database, 'other.*')
  const id = await placeHold(database, 'a case', { user: USER, from: 0, to: Date.now() })
  assert.equal((await listHolds(database, true)).length, 1)
  assert.equal(await releaseHold(database, id), true)
}

async function removeAndBringBack(
  database: Database,
  { sql, partition, url, folder }: ScratchDatabase & { partition: string; folder: string },
): Promise<void> {
  const store = new FileStore(new URL(`file://${folder}`))
  const archiver = new Archiver({ databaseUrl: url, format: 'ndjson', store })
  await archiver.archive({ partition })
  const options = {
    archiver: {
      archive: (name: string, kept: string) => archiver.archive({ partition: name, kept }),
    },
  }
  await assert.rejects(refuseUnknownReaders(database, ['siem']), { code: 'AUDIT_OPTION_INVALID' })
  assert.equal((await planRetention(database, ['siem'])).partitions.length, 1)
  const held = await sql.reserve()
  await held`begin`
  await held`select from audit.audit_log limit 1`
  const { blocked } = await applyRetention(database, { ...options, deadlineMs: 0 })
  assert.deepEqual(
    blocked.map(({ by }) => by),
    ['lock'],
  )
  await held`commit`
  held.release()
  assert.equal((await applyRetention(database, options)).removed.length, 1)
  assert.ok('entryId' in (await undoRetention(database, partition)))
  assert.equal((await applyRetention(database, options)).removed.length, 1)
  await sql`update audit.audit_retention set undo = '0'`
  assert.equal((await applyRetention(database, options)).dropped.length, 1)
  await archiver.close()
  for (const { url: file } of await readNoted(database, partition)) {
    await withArchive(file, {}, (archive) =>
      restoreArchive(database, archive, { signal, onRows() {} }),
    )
  }
  assert.equal(await attachRestored(database, partition, { signal, onWait() {} }), 2)
}

async function bringIn(database: Database): Promise<void> {
  const statements = new ImportStatements(database, 'old')
  assert.equal((await statements.state()).mapping, null)
  await statements.begin('old.csv', 'a'.repeat(64))
  await statements.ensurePartitions(Date.UTC(2020, 0, 1), Date.UTC(2020, 0, 2))
  const { epoch } = await statements.stage([], [])
  await statements.settle(epoch, { lastKey: '1', read: 0, refused: 0 })
  assert.equal((await statements.end()).logged, 0)
}

for (const where of ['on its own connections', 'where a pooler refuses settings'] as const) {
  test(`keeper: nothing before pg_catalog runs ${where}`, async (t) => {
    const scratch = await scratchDatabase(t)
    const { sql, name } = scratch
    const partition = await makePartition(sql, 3)
    await logOld(sql, [
      { months: 3, action: 'temp.a', userId: USER },
      { months: 3, action: 'temp.a' },
      { months: 3, action: 'billing.pay' },
    ])
    await countPolicy(sql, 'temp.*', keepUntil(3))
    await setTrap(sql)
    const direct = scratch.urlAs('audit_keeper')
    const { username } = new URL(direct)
    await sql.unsafe(
      `alter role ${username} in database ${name} set search_path = trap, pg_catalog`,
    )
    const pooler = where === 'on its own connections' ? undefined : await pgBouncer(t, [direct])
    if (where !== 'on its own connections' && pooler === undefined) return
    const url = pooler?.through(direct) ?? direct
    const database = new Database({
      ...{ url, role: 'audit_keeper', applicationName: 'trapped', statementTimeoutMs: 60_000 },
    })
    await sayWhatIsKept(database)
    await removeAndBringBack(database, { ...scratch, partition, url, folder: scratchFolder(t) })
    await bringIn(database)
    await database.close()
    await pooler?.end()
    await assertNothingSprung(scratch, 'keeper')
  })
}
