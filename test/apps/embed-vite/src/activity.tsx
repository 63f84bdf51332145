import { useCallback, useEffect, useState } from 'react'
import { AuditTimeline } from 'audit-outbox/react'

/** The customer's own log. A link that has ended is replaced. */
export function Activity() {
  const [src, setSrc] = useState<string>()
  const renew = useCallback(async () => {
    setSrc(await (await fetch('/activity-link')).text())
  }, [])
  useEffect(() => void renew(), [renew])
  return src && <AuditTimeline src={src} label="Your activity" onClosed={renew} />
}
