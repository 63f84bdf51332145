import { randomUUID } from 'node:crypto'
import type { GivenEntry } from './log-entries.ts'

export const ADA = '0b6d9a52-6c1f-4f0e-9a53-3f6d1c1f0a01'
export const GRACE = '4f1c7e88-2d5b-4b1a-8f0e-7a9e5d2c0b02'
export const EVENT = '5a1f0c3e-90ab-4c2d-8e11-000000000e01'
const MINUTE_MS = 60_000

/** An evening at the door of an event, as it would stand in the log. */
export function evening(): GivenEntry[] {
  const nowMs = Date.now()
  const guests = ['Noor Haddad', 'Emeka Okafor', 'Yuki Tanaka', 'Sofía Herrera', 'Zoë Lindqvist']
  const context = { ip: '203.0.113.9', method: 'PUT', userAgent: 'Mozilla/5.0 Firefox/141.0' }
  const entries = Array.from({ length: 90 }, (_, n): GivenEntry => {
    const sincePart = 1 - n / 90 - 0.06 * Math.sin((4 * Math.PI * n) / 90) // it comes in waves
    const ms = nowMs - Math.round(sincePart * 810 * MINUTE_MS) + (n % 7) * 40_000
    const who = {
      ms,
      userId: n % 2 ? ADA : GRACE,
      eventId: EVENT,
      requestId: `req-${1000 + n}`,
      context,
    }
    if (n % 9 === 4) {
      const primaryColor = { from: '#1d4ed8', to: '#be123c' }
      return {
        ...who,
        action: 'branding.update',
        entityType: 'event',
        targetId: EVENT,
        metadata: { primaryColor },
      }
    }
    if (n % 9 === 7)
      return {
        ...who,
        action: 'message.send',
        metadata: { subject: 'Doors open at six', recipients: 312 },
      }
    if (n % 9 === 8) {
      const metadata = { amount: { from: '49.00 EUR', to: '0.00 EUR' }, reason: 'bought twice' }
      return {
        ...who,
        action: 'ticket.refund',
        entityType: 'order',
        targetId: randomUUID(),
        metadata,
      }
    }
    const metadata = { guest: guests[n % 5], gate: n % 2 ? 'North' : 'South' }
    return {
      ...who,
      action: 'guest.check_in',
      entityType: 'guest',
      targetId: randomUUID(),
      metadata,
    }
  })
  const before = { rows: 12, seats: 240, aisles: ['A', 'B'], note: 'Rehearsal on Friday at five' }
  const after = {
    rows: 14,
    seats: 280,
    aisles: ['A', 'B', 'C'],
    note: 'Rehearsal on Saturday at five',
  }
  return [
    ...entries,
    {
      action: 'audit.gap',
      ms: nowMs - 6 * MINUTE_MS,
      metadata: { lane: 'staging', recorders: [{ lostAtMost: 28 }] },
    },
    {
      ...{
        action: 'seating_plan.update',
        ms: nowMs - 4 * MINUTE_MS,
        userId: GRACE,
        eventId: EVENT,
      },
      ...{ targetId: randomUUID(), requestId: 'req-plan', context },
      metadata: {
        before,
        after,
        plan: { href: 'https://example.org/plan.pdf', tags: ['hall', { floor: 2 }] },
      },
    },
  ]
}
