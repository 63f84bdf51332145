'use client'
import { createElement, type ReactElement, useEffect, useRef } from 'react'
import '../page/client/audit-timeline.js'

export interface AuditTimelineProps {
  /** The page's address, such as what `signViewerLink` made, behind the page's origin. */
  readonly src: string
  /** What the frame is called for screen readers, in the language of your page. @default 'Audit log' */
  readonly label?: string | undefined
  /** In pixels. @default 320 */
  readonly minHeight?: number | undefined
  /** In pixels. Beyond it the frame scrolls. @default 1600 */
  readonly maxHeight?: number | undefined
  readonly className?: string | undefined
  /** The page lets this viewer in no more, as when a signed link has ended. Give a new `src`. */
  readonly onClosed?: (() => void) | undefined
}

/** What is used of the element, so that the types need no browser's, as on a server. */
interface Listened {
  addEventListener(name: string, listener: () => void): void
  removeEventListener(name: string, listener: () => void): void
}

/** The timeline page in a frame. On a server it is an empty element, which the browser fills. */
export function AuditTimeline({
  src,
  label,
  minHeight,
  maxHeight,
  className,
  onClosed,
}: AuditTimelineProps): ReactElement {
  const element = useRef<Listened>(null)
  useEffect(() => {
    const { current } = element
    if (!current || !onClosed) return
    current.addEventListener('audit-closed', onClosed)
    return () => current.removeEventListener('audit-closed', onClosed)
  }, [onClosed])
  const bounds = { 'min-height': minHeight, 'max-height': maxHeight }
  // A custom element takes its class as it is written in HTML.
  return createElement('audit-timeline', { ref: element, src, label, ...bounds, class: className })
}
