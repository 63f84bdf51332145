import { signViewerLink } from 'audit-outbox/page'
import { headers } from 'next/headers'
import { secret } from '@/lib/audit'
import { Activity } from './activity'

export default async function Page() {
  await headers() // made for each request, as where the user of the session is read
  const viewer = { name: 'Ada' }
  const until = Date.now() + 3_600_000
  const tenant = process.env.TENANT ?? ''
  return <Activity src={signViewerLink({ secret, path: '/audit', tenant, until, viewer })} />
}
