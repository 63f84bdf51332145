import { after } from 'next/server'
import { audit, db } from '@/lib/audit'

export async function POST(request: Request): Promise<Response> {
  const { guest } = (await request.json()) as { guest: string }
  audit.record({ action: 'next.route_handler', targetId: guest })
  await db.transaction((tx) => audit.recordIn(tx, { action: 'next.record_in', targetId: guest }))
  after(async () => {
    audit.record({ action: 'next.after', targetId: guest })
    await audit.flush()
  })
  return Response.json({ guest })
}
