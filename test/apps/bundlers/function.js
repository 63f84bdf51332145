// What is bundled: a function that does everything with the package, as one in a cloud would.
import assert from 'node:assert/strict'
import { createRecorder, migrateDatabase } from 'audit-outbox'
import { exportToFile, verifyExport } from 'audit-outbox/export'
import { createTimelinePage } from 'audit-outbox/page'
import { createRelay } from 'audit-outbox/relay'
import { timeline } from 'audit-outbox/timeline'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'

/**
 * @param {string} databaseUrl an empty database
 * @param {string} folder where the export goes
 */
export async function handler({ databaseUrl, folder }) {
  const { applied } = await migrateDatabase({ databaseUrl })
  const client = postgres(databaseUrl, { max: 1, onnotice: () => {} })
  const db = drizzle(client)
  const targetId = crypto.randomUUID()

  const audit = createRecorder({ databaseUrl })
  audit.record({ action: 'bundle.record', targetId, metadata: { password: 'hunter2' } })
  await db.transaction((tx) => audit.recordIn(tx, { action: 'bundle.record_in', targetId }))
  // Refused, which the default logger says.
  assert.equal(audit.record({ action: 'audit.pretend', targetId }), false)
  await audit.flush()
  assert.equal((await audit.close()).dropped, 0)

  const relay = createRelay({ databaseUrl })
  await relay.drain({ deadlineMs: 20_000 })
  await relay.stop()
  const { entries } = await timeline(db, { targetId })
  assert.deepEqual(entries.map(({ action }) => action).sort(), [
    'bundle.record',
    'bundle.record_in',
  ])
  const recorded = entries.find(({ action }) => action === 'bundle.record')
  assert.deepEqual(recorded.metadata, { password: '[Redacted]' })

  const out = `${folder}/log.ndjson`
  const { rows } = await exportToFile(db, { out, filter: { targetId } })
  assert.equal(rows, 2)
  await verifyExport(out)

  const page = createTimelinePage({
    db,
    authorize: () => ({ name: 'Ada', sees: 'everything' }),
    recorder: false,
  })
  const html = await (await page.fetch(new Request('http://localhost/audit'))).text()
  assert.match(html, /bundle\.record_in/)
  const assets = [...html.matchAll(/(?:href|src)="(\?asset=[^"]+)"/g)]
  assert.ok(assets.length >= 3)
  let assetBytes = 0
  for (const [, asset] of assets) {
    const url = new URL(asset.replaceAll('&amp;', '&'), 'http://localhost/audit')
    assetBytes += (await (await page.fetch(new Request(url))).text()).length
  }
  assert.ok(assetBytes > 20_000)
  await client.end()
  return { migrations: applied.length, entries: entries.length }
}
