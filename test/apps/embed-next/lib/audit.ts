import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createTimelinePage, verifyViewerLink } from 'audit-outbox/page'

export const secret = process.env.AUDIT_LINK_SECRET ?? ''
export const page = createTimelinePage({
  db: drizzle(postgres(process.env.DATABASE_URL ?? '', { max: 3 })),
  authorize: (request) => verifyViewerLink(request, { secret }),
  embed: { ancestors: ['self'], header: false, lang: 'es' },
})
