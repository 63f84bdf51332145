import { createHash } from 'node:crypto'
import type { AuditEntry } from '../../src/entry.ts'
import { readSample } from '../demo/sample.ts'

/** An entry to be recorded, and whether by the recorder or by a child with a context of its own. */
export interface Given {
  readonly entry: AuditEntry
  readonly isByChild: boolean
}

/** Makes the entry of a number: the same one for the same number, in every process. */
export type MakeEntry = (n: number) => Given

/** What the middleware binds to each request's recorder. */
export const CHILD_CONTEXT = {
  userId: '0190a0b0-1111-7000-8000-00000000abcd',
  ip: '203.0.113.7',
  method: 'POST',
  route: '/events/:event/branding',
  userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/126.0 Safari/537.36',
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))
const BYTES = Array.from({ length: 4_096 }, (_, n) => createHash('md5').update(`id ${n}`).digest())

/** As from a driver or a parser: written out, and a string of its own. */
const WRITTEN = BYTES.map((_, n) => Buffer.from(inPieces(n)).toString('latin1'))
const written = (n: number): string => WRITTEN[n & 4_095] ?? ''

/** As `randomUUID()` gives it: put together, and not yet written out. */
function inPieces(n: number): string {
  const bytes = BYTES[n & 4_095] ?? Buffer.alloc(16)
  const hex = (at: number) => HEX[bytes[at] ?? 0] ?? ''
  const quarter = (from: number) => hex(from) + hex(from + 1)
  return `${quarter(0) + quarter(2)}-${quarter(4)}-${quarter(6)}-${quarter(8)}-${
    quarter(10) + quarter(12) + quarter(14)
  }`
}

const WORDS = 'the doors open at seven and the second stage follows half an hour later as agreed'
const NOTE = Array.from({ length: 12 }, () => WORDS).join(', ')

/** Three ids and a request id, three keys of metadata. */
function plain(n: number): AuditEntry {
  return {
    action: 'branding.update',
    userId: written(n),
    eventId: written(n + 1),
    targetId: written(n + 2),
    entityType: 'branding',
    requestId: written(n + 3),
    metadata: { field: 'primaryColor', before: '#ff0000', after: '#00ff00' },
  }
}

function view(n: number): AuditEntry {
  return {
    action: 'page.view',
    userId: written(n),
    eventId: written(n + 1),
    requestId: inPieces(n),
  }
}

function created(n: number): AuditEntry {
  return {
    action: 'ticket.create',
    eventId: written(n),
    targetId: inPieces(n + 1),
    entityType: 'ticket',
    requestId: inPieces(n + 2),
    metadata: { category: 'standing', seat: null, price: 49.5, quantity: 2, isGuest: n % 2 === 0 },
  }
}

function change(n: number): AuditEntry {
  const venue = { name: 'Kleine Halle', city: 'Köln', capacity: 1_200, stages: ['main', 'club'] }
  return {
    action: 'venue.update',
    userId: written(n),
    eventId: written(n + 1),
    targetId: written(n + 2),
    entityType: 'venue',
    requestId: inPieces(n + 3),
    metadata: {
      before: venue,
      after: { ...venue, capacity: 1_200 + (n % 100), updatedAt: '2026-05-04T10:11:12.000Z' },
      changed: ['capacity', 'updatedAt'],
    },
  }
}

function note(n: number): AuditEntry {
  return {
    action: 'event.comment',
    userId: written(n),
    eventId: written(n + 1),
    requestId: inPieces(n),
    metadata: { text: `${n}: ${NOTE.slice(0, 300 + (n % 7) * 100)}`, isPublic: true },
  }
}

function order(n: number): AuditEntry {
  const items = Array.from({ length: 12 }, (_, at) => ({
    sku: `ticket-${at}`,
    quantity: 1 + (at % 3),
    unitPrice: 39.9,
    label: 'Standing, second release',
  }))
  return {
    action: 'order.pay',
    userId: written(n),
    eventId: written(n + 1),
    targetId: inPieces(n + 2),
    entityType: 'order',
    requestId: inPieces(n + 3),
    metadata: { items, total: 478.8, currency: 'EUR' },
  }
}

function secret(n: number): AuditEntry {
  return {
    action: 'webhook.send',
    userId: written(n),
    eventId: written(n + 1),
    metadata: {
      url: `https://user:hunter${n}@hooks.example.test/in`,
      headers: { authorization: 'Bearer 0a1b2c3d4e5f60718293a4b5', accept: 'application/json' },
      status: 204,
    },
  }
}

/** With what no column takes as it is, and a time of its own. */
function odd(n: number): AuditEntry {
  return {
    action: 'import.row',
    userId: `user-${n}@example.test`,
    targetId: String(n),
    entityType: 'legacy ticket',
    occurredAt: new Date(1_750_000_000_000 + n),
    context: { source: 'nightly import' },
    metadata: { seen: new Date(1_750_000_000_000), tags: new Set(['a', 'b']), size: 10n },
  }
}

/** In the order in which they come again and again: one in twenty is odd, one in twenty has a secret. */
const MIX: readonly ((n: number) => AuditEntry)[] = [
  ...[plain, view, created, change, view, plain, created, note, view, change],
  ...[plain, order, created, view, secret, change, view, plain, created, odd],
]

/** The kinds of entries that each trick is measured with. `foreign` only where there is a sample. */
export async function entryKinds(): Promise<ReadonlyMap<string, MakeEntry>> {
  const kinds = new Map<string, MakeEntry>([
    ['plain', (n) => ({ entry: plain(n), isByChild: false })],
    ['mixed', (n) => ({ entry: (MIX[n % MIX.length] ?? plain)(n), isByChild: n % 3 === 0 })],
  ])
  const file = process.env['AUDIT_SAMPLE']
  if (file) {
    const { entries } = await readSample(file)
    const texts = entries.map((entry) => JSON.stringify(entry))
    kinds.set('foreign', (n) => {
      const { occurredAt, ...rest } = JSON.parse(texts[n % texts.length] ?? '{}')
      return { entry: { ...rest, occurredAt: new Date(occurredAt) }, isByChild: false }
    })
  }
  return kinds
}
