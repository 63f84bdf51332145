import { html } from 'hono/html'
export type { Html } from '../http/responses.ts'
import type { Html } from '../http/responses.ts'
import type { NameOf } from '../sentence/sentence-parts.ts'
import type { Query } from '../query/query.ts'
import type { Zone } from '../query/zone.ts'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** Everything that every part of the page may want to know. */
export interface Scene {
  readonly query: Query
  readonly zone: Zone
  readonly theme: Theme
  readonly viewerName: string
  readonly nowMs: number
  readonly nameOf: NameOf
  /** Whether reading is written down: then whoever reads is told so. */
  readonly isRecorded: boolean
}

const numbers = new Intl.NumberFormat('en')

export function inFigures(count: number): string {
  return numbers.format(count)
}

export function entries(count: number): string {
  return `${inFigures(count)} ${count === 1 ? 'entry' : 'entries'}`
}

/** Marks the one of several links that is chosen. */
export function current(isCurrent: boolean): Html | '' {
  return isCurrent ? html` aria-current="true"` : ''
}
