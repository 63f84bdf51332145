import { setTimeout as sleep } from 'node:timers/promises'
import { createRecorder } from 'audit-outbox'
import { nextAudit } from 'audit-outbox/next'
import { headers } from 'next/headers'
import { after } from 'next/server'

type Actions = {
  'next.rename': { readonly name: string }
  'next.deep': undefined
  'next.action': { readonly name: string }
  'next.late': undefined
}

/** In place of a session. */
async function user() {
  const given = await headers()
  await sleep(Math.random() * 10)
  return { userId: given.get('x-test-user'), actorId: given.get('x-test-actor') ?? undefined }
}

// Nothing is written on its own in the time that the test takes.
const recorder = () =>
  createRecorder<Actions>({ flushIntervalMs: 60_000, reportIntervalMs: 600_000 })
const options = { recorder, headers, user, trustedHops: 1 }
export const { audit, auditRoute, auditAction } = nextAudit({ ...options, after })
/** As it is where there is no `after`. */
export const { auditRoute: bareRoute } = nextAudit(options)
