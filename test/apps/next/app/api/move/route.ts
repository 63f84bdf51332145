import { createRelay } from 'audit-outbox/relay'
import { timeline } from 'audit-outbox/timeline'
import { db } from '@/lib/audit'

/** Moves what is staged, and returns what the log holds of a guest. */
export async function POST(request: Request): Promise<Response> {
  const { guest } = (await request.json()) as { guest: string }
  const relay = createRelay()
  await relay.drain({ deadlineMs: 20_000 })
  await relay.stop()
  const { entries } = await timeline(db, { targetId: guest })
  return Response.json({
    entries: entries.map(({ action, metadata, requestId }) => ({ action, metadata, requestId })),
  })
}
