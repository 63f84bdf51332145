// The application on one origin and the page on another, each behind its own strict policy.
import express from 'express'
import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { createTimelinePage, signViewerLink, verifyViewerLink } from 'audit-outbox/page'

const PATH = '/tools/audit' // a prefix, as behind a gateway
const { AUDIT_LINK_SECRET: secret, APP_ORIGIN, PAGE_ORIGIN, TENANT } = process.env
const db = drizzle(postgres(process.env.DATABASE_URL, { max: 3 }))

const timeline = createTimelinePage({
  db,
  authorize: (request) => verifyViewerLink(request, { secret, path: PATH }),
  embed: { ancestors: [APP_ORIGIN], header: false, lang: 'fr', theme: 'dark' },
})
const page = express()
page.use(PATH, timeline.listener)
page.listen(new URL(PAGE_ORIGIN).port, '127.0.0.1')

const app = express()
app.use((_request, response, next) => {
  response.set(
    'content-security-policy',
    `default-src 'none'; script-src 'self'; connect-src 'self'; frame-src ${PAGE_ORIGIN}; ` +
      "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
  )
  next()
})
app.get('/activity-link', (_request, response) => {
  // The user of the session, in a real application.
  const viewer = { name: 'Ada' }
  const until = Date.now() + 3_600_000
  const path = signViewerLink({ secret, path: PATH, tenant: TENANT, until, viewer })
  response.type('text').send(PAGE_ORIGIN + path)
})
app.get('/favicon.ico', (_request, response) => response.sendStatus(204))
app.use(express.static('dist'))
app.listen(new URL(APP_ORIGIN).port, '127.0.0.1')
