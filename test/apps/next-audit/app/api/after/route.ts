import { after } from 'next/server'
import { audit, auditRoute } from '../../../audit'

export const POST = auditRoute('/api/after', async (_request: Request) => {
  after(async () => {
    audit.record({ action: 'next.late' })
    await audit.flush()
  })
  return new Response('done')
})
