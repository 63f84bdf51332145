'use client'
import { AuditTimeline } from 'audit-outbox/react'
import { useRouter } from 'next/navigation'

/** A link that has ended is replaced: the server makes another. */
export function Activity({ src }: { src: string }) {
  const router = useRouter()
  return <AuditTimeline src={src} label="Your activity" onClosed={() => router.refresh()} />
}
