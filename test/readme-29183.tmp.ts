import { createRecorder } from 'audit-outbox'

const audit = createRecorder({ databaseUrl: process.env.DATABASE_URL })

const accepted = audit.record({
  action: 'branding.update',
  userId: '5a0c1a52-6d1c-4b5e-9d3a-0b7f3c9a1d11',
  eventId: '0d9e7c1b-3f64-4c43-8a55-5f0c2f1b7e22',
  metadata: { color: { from: '#ff0000', to: '#0000ff' }, password: 'hunter2' },
})

console.log(accepted)
console.log(await audit.close())
