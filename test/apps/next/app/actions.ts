'use server'

import { headers } from 'next/headers'
import { after } from 'next/server'
import { audit } from '@/lib/audit'

export async function checkIn(form: FormData): Promise<void> {
  const request = audit.child({ requestId: (await headers()).get('x-request-id') ?? undefined })
  request.record({
    action: 'next.server_action',
    targetId: String(form.get('guest')),
    metadata: { password: String(form.get('password')) },
  })
  after(() => audit.flush())
}
