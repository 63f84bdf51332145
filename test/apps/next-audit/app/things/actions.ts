'use server'

import { audit, auditAction } from '../../audit'

export const rename = auditAction('rename', async (form: FormData) => {
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 10))
  audit.record({
    action: 'next.action',
    targetId: String(form.get('id')),
    metadata: { name: String(form.get('name')) },
  })
})
