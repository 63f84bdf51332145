import { createTimelinePage } from 'audit-outbox/page'
import { db } from '@/lib/audit'

const page = createTimelinePage({
  db,
  authorize: () => ({ name: 'Ada', sees: 'everything' }),
  recorder: false,
})

export const GET = (request: Request): Promise<Response> => page.fetch(request)
