import { test } from 'node:test'
import { assertRecorded } from 'audit-outbox/testing'
import { coveredSite } from './site.ts'

test('a refund has its entry', async () => {
  const { party, audit, send, close } = await coveredSite()
  const [purchase] = party.purchases
  await send('POST', `EVENT/purchases/${purchase?.id}/refunds`, { amountCents: 100 })
  assertRecorded(audit, 'refund.issue', { lane: 'outbox', metadata: { cents: 100 } })
  await send('PUT', 'EVENT/integrations/stripe', { account: 'a' })
  await send('POST', 'EVENT/collaborators', { email: 'a@b.example', access: 'edit' })
  await send('POST', '/imports', { action: 'ticket.scan' })
  await close()
})
