import { record } from 'audit-outbox'
import { audit, auditRoute } from '../../../../audit'

interface Params {
  readonly params: Promise<{ readonly id: string }>
}

export const PUT = auditRoute('/api/things/[id]', async (request: Request, { params }: Params) => {
  const { id } = await params
  const { name } = (await request.json()) as { name: string }
  audit.record({ action: 'next.rename', targetId: id, metadata: { name } })
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
  record({ action: 'next.deep', targetId: id })
  return new Response(null, { status: 204 })
})
