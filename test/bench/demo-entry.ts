import { randomUUID } from 'node:crypto'

export type DemoEntry = ReturnType<typeof demoEntry>

// Ids as they come from a driver or a parser: written out, and each its own string.
const ids = Array.from({ length: 4_096 }, () => Buffer.from(randomUUID()).toString('latin1'))
const id = (n: number): string => ids[n & 4_095] ?? ''

/** Three UUIDs, a request id, three keys of metadata: what the demo's handlers record. */
export function demoEntry(n: number) {
  return {
    action: 'branding.update' as const,
    userId: id(n),
    eventId: id(n + 1),
    targetId: id(n + 2),
    entityType: 'branding',
    requestId: id(n + 3),
    metadata: { field: 'primaryColor', before: '#ff0000', after: '#00ff00' },
  }
}
