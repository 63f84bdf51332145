import { randomUUID } from 'node:crypto'
import type { AuditAction, Recorder } from 'audit-outbox'
import { type AuditVariables, honoAudit } from 'audit-outbox/hono'
import { and, eq, not, sum } from 'drizzle-orm'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { Hono } from 'hono'
import { HTTPException } from 'hono/http-exception'
import type { ImportedEntry } from './imported-entry.ts'
import { HOSTS } from './people.ts'
import { collaborator, event, feature, guest, purchase, refund } from './tables.ts'

export interface SiteParts {
  readonly audit: Recorder
  readonly db: NodePgDatabase
  /** The event's timeline as text, with the newest entry last. */
  readonly timeline: (eventId: string) => Promise<string>
}

/** Makes an event host's site. Each handler does its work and records it in the audit log. */
export function createSite({
  audit,
  db,
  timeline,
}: SiteParts): Hono<{ Variables: AuditVariables }> {
  const app = new Hono<{ Variables: AuditVariables }>()

  app.use(
    honoAudit({
      recorder: audit,
      user: (c) => HOSTS[c.req.header('x-user') ?? ''], // a real site asks its session
      eventId: (c) => c.req.param('eventId'),
    }),
  )

  app.put('/events/:eventId/branding', async (c) => {
    const eventId = c.req.param('eventId')
    const { primaryColor } = await c.req.json<{ primaryColor: string }>()
    const [before] = await db.select().from(event).where(eq(event.id, eventId))
    if (!before) throw notFound('event')
    await db.update(event).set({ primaryColor }).where(eq(event.id, eventId))
    c.var.audit.record({
      action: 'branding.update',
      entityType: 'event',
      targetId: eventId,
      metadata: { primaryColor: { from: before.primaryColor, to: primaryColor } },
    })
    return c.json({ primaryColor })
  })

  app.post('/events/:eventId/features/:flag/toggle', async (c) => {
    const { eventId, flag } = c.req.param()
    const [now] = await db
      .update(feature)
      .set({ isOn: not(feature.isOn) })
      .where(and(eq(feature.eventId, eventId), eq(feature.flag, flag)))
      .returning()
    if (!now) throw notFound('feature')
    c.var.audit.record({
      action: 'feature_flag.toggle',
      entityType: 'feature',
      metadata: { [flag]: { from: !now.isOn, to: now.isOn } },
    })
    return c.json({ isOn: now.isOn })
  })

  app.post('/events/:eventId/guests/:guestId/check-in', async (c) => {
    const { eventId, guestId } = c.req.param()
    const { gate } = await c.req.json<{ gate: string }>()
    const [found] = await db
      .update(guest)
      .set({ checkedInAt: new Date() })
      .where(and(eq(guest.id, guestId), eq(guest.eventId, eventId)))
      .returning()
    if (!found) throw notFound('guest')
    c.var.audit.record({
      action: 'guest.check_in',
      entityType: 'guest',
      targetId: guestId,
      metadata: { guest: found.name, gate },
    })
    return c.json({ welcome: found.name })
  })

  app.post('/events/:eventId/messages', async (c) => {
    const { subject } = await c.req.json<{ subject: string }>()
    const recipients = await db.$count(guest, eq(guest.eventId, c.req.param('eventId')))
    c.var.audit.record({ action: 'message.send', metadata: { subject, recipients } })
    return c.json({ recipients }, 202)
  })

  // Careless on purpose: the handler puts the password into the entry's metadata. The recorder
  // censors it before it leaves this process.
  app.put('/events/:eventId/integrations/:provider', async (c) => {
    const settings = await c.req.json<Record<string, unknown>>()
    c.var.audit.record({
      action: 'integration.connect',
      metadata: { provider: c.req.param('provider'), ...settings },
    })
    return c.json({ connected: true })
  })

  // The entry never exists without the invitation. In mode `best-effort` the invitation is still
  // made if the audit log fails.
  app.post('/events/:eventId/collaborators', async (c) => {
    const { email, access } = await c.req.json<{ email: string; access: string }>()
    const invitation = { id: randomUUID(), eventId: c.req.param('eventId'), email, access }
    await db.transaction(async (tx) => {
      await tx.insert(collaborator).values(invitation)
      const entry = {
        action: 'collaborator.invite',
        entityType: 'collaborator',
        targetId: invitation.id,
        metadata: { email, access },
      } as const
      await c.var.audit.recordIn(tx, entry, { mode: 'best-effort' })
      mail(email) // if it throws, neither the row nor the entry exists
    })
    return c.json(invitation, 201)
  })

  // Money is involved: the refund and its entry exist together or not at all.
  app.post('/events/:eventId/purchases/:purchaseId/refunds', async (c) => {
    const { eventId, purchaseId } = c.req.param()
    const { amountCents } = await c.req.json<{ amountCents: number }>()
    const made = { id: randomUUID(), eventId, purchaseId, amountCents }
    await db.transaction(async (tx) => {
      const mine = and(eq(purchase.id, purchaseId), eq(purchase.eventId, eventId))
      const [bought] = await tx.select().from(purchase).where(mine).for('update')
      if (!bought) throw notFound('purchase')
      await tx.insert(refund).values(made)
      const entry = {
        action: 'refund.issue',
        entityType: 'purchase',
        targetId: made.id,
        metadata: { cents: amountCents, ofCents: bought.paidCents },
      } as const
      await c.var.audit.recordIn(tx, entry)
      const [total] = await tx
        .select({ cents: sum(refund.amountCents).mapWith(Number) })
        .from(refund)
        .where(eq(refund.purchaseId, purchaseId))
      if (Number(total?.cents) > bought.paidCents) throw conflict('A refund exceeds the price.')
    })
    return c.json(made, 201)
  })

  // Entries of another system, unchanged: nested, odd, with ids that are not UUIDs. record()
  // refuses an entry without an action, returns false and counts it.
  app.post('/imports', async (c) => {
    const { action, occurredAt, ...rest } = await c.req.json<ImportedEntry>()
    const isAccepted = c.var.audit.record({
      ...rest,
      action: action as AuditAction,
      occurredAt: occurredAt === undefined ? undefined : Date.parse(occurredAt),
    })
    return c.json({ isAccepted }, isAccepted ? 202 : 422)
  })

  app.get('/events/:eventId/timeline', async (c) => c.text(await timeline(c.req.param('eventId'))))

  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ error: error.message }, error.status)
    if (isNoUuid(error)) return c.json({ error: 'The id is not a UUID.' }, 404)
    if (error instanceof SyntaxError) return c.json({ error: 'The body is not JSON.' }, 400)
    return c.json({ error: 'Internal error' }, 500)
  })

  return app
}

/** Sends the invitation, or throws if the address cannot be reached. */
function mail(email: string): void {
  if (email.endsWith('.invalid')) throw conflict(`${email} cannot be reached.`)
}

/** Whether the database refused an id because it is not a UUID. */
function isNoUuid(error: Error): boolean {
  return Reflect.get(Object(error.cause), 'code') === '22P02'
}

const conflict = (message: string) => new HTTPException(409, { message })
const notFound = (what: string) => new HTTPException(404, { message: `There is no such ${what}.` })
