import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runRelay } from './support/audit-relay.ts'
import { ADA, GRACE, orderEntry, ORDER, orderPage } from './support/order-history.ts'
import { appendToLog } from './support/log-entries.ts'

test('the history of a thing is printed for people, with what is in doubt', async (t) => {
  const { scratch } = await orderPage(t)
  const evil = '\u001b[31m\u202e'
  await appendToLog(scratch.sql, [
    orderEntry(31, 'order.update', GRACE, { [evil]: { from: null, to: evil } }),
  ])
  const environment = { AUDIT_READER_DATABASE_URL: scratch.urlAs('audit_reader') }
  const history = async (...args: readonly string[]) =>
    await runRelay(t, ['history', ORDER, ...args], environment)
  const { code, stdout, stderr } = await history()
  assert.equal(code, 0, stderr)
  assert.match(
    stdout,
    new RegExp(`^${ORDER} at 20\\d\\d-.*Z\\nThere since seq 1, 2026-05-03T12:00:00`),
  )
  assert.match(stdout, /\nfield +value +known since\n/)
  assert.match(
    stdout,
    /\nstatus +"sent" \(in doubt: seq 2, \S+ left "paid", seq 4, \S+ found "held"\) +seq 4, \S+\n/,
  )
  assert.match(
    stdout,
    new RegExp(` seq 2 order\\.update by ${ADA}\\n    status: "new" -> "paid"\\n`),
  )
  assert.ok(!stdout.includes('\u001b') && !stdout.includes('\u202e'))

  const before = await history('--json', '--at', '2026-05-03', '--field', 'status')
  const { fields, line, at } = JSON.parse(before.stdout)
  assert.equal(at, '2026-05-03T23:59:59.999Z')
  assert.deepEqual(
    fields.map(({ path, state, value }: Record<string, unknown>) => [path, state, value]),
    [['status', 'in doubt', 'paid']],
  )
  assert.equal(line.length, 2)
})
