import { test } from 'node:test'
import { assertRecorded } from 'audit-outbox/testing'
import { coveredSite } from './site.ts'

test('guests are checked in', async () => {
  const { party, audit, send, close } = await coveredSite()
  const [guest] = party.guests
  await send('POST', `EVENT/guests/${guest?.id}/check-in`, { gate: 'A' })
  assertRecorded(audit, 'guest.check_in', { targetId: guest?.id, metadata: { gate: 'A' } })
  await send('PUT', 'EVENT/branding', { primaryColor: '#ffffff' })
  await send('POST', 'EVENT/features/dark_mode/toggle')
  await send('POST', 'EVENT/messages', { subject: 'Doors' })
  if (process.env['FORGOTTEN_ROUTE']) await send('POST', 'EVENT/tables', {})
  if (process.env['RECORDING_READ']) await send('GET', 'EVENT/guests')
  await close()
})
