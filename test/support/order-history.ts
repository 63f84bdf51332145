import { randomUUID } from 'node:crypto'
import type { TestContext } from 'node:test'
import { scratchDatabase } from './database.ts'
import { appendToLog, type GivenEntry } from './log-entries.ts'
import { pageOn, readerOn } from './pages.ts'

export const [ADA, GRACE, ORDER, TENANT, OTHER] = [1, 2, 3, 4, 5].map(() => randomUUID()) as [
  ...[string, string, string, string, string],
]
const NAMES = new Map([
  [ADA, 'Ada Lovelace'],
  [GRACE, 'Grace Hopper'],
  [ORDER, 'Order 4711'],
])
export const NOON = Date.UTC(2026, 4, 3, 12)
export const HOUR = 3_600_000

/** An order that was changed past the log once. */
export const LIFE: readonly GivenEntry[] = [
  orderEntry(0, 'order.create', ADA, {
    status: 'new',
    total: '49.00 EUR',
    address: { city: 'Berlin' },
  }),
  orderEntry(2, 'order.update', ADA, { status: { from: 'new', to: 'paid' } }),
  orderEntry(5, 'order.update', GRACE, {
    total: { from: '49.00 EUR', to: '39.00 EUR' },
    address: { city: { from: 'Berlin', to: 'Hamburg' }, zip: { from: null, to: '20095' } },
  }),
  orderEntry(26, 'order.update', GRACE, { status: { from: 'held', to: 'sent' } }),
  orderEntry(30, 'order.update', ADA, { note: { from: null, to: 'left at the door' } }),
]

export function orderEntry(
  hours: number,
  action: string,
  userId: string,
  metadata: object,
): GivenEntry {
  const ms = NOON + hours * HOUR
  return { ms, action, userId, metadata, targetId: ORDER, eventId: TENANT, entityType: 'order' }
}

/** The page of a log that holds the order's entries. */
export async function orderPage(t: TestContext, options: Parameters<typeof pageOn>[1] = {}) {
  const scratch = await scratchDatabase(t)
  const ids = await appendToLog(scratch.sql, LIFE)
  const names = async () => NAMES
  return { scratch, ids, ...pageOn(readerOn(t, scratch), { names, ...options }) }
}
