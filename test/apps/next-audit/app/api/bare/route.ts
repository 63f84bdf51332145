import { audit, bareRoute } from '../../../audit'

export const POST = bareRoute('/api/bare', async (_request: Request) => {
  audit.record({ action: 'next.late' })
  return new Response('done')
})
