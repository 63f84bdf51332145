import type { Language } from '../../actions/language.ts'
import { UTC, type Zone } from '../../query/zone.ts'

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

/** What can stand next to the time and the sentence of an entry. */
export const COLUMNS = ['action', 'request'] as const
export type Column = (typeof COLUMNS)[number]

/** What is shown to somebody who has chosen nothing. */
export interface Defaults {
  readonly theme: Theme
  readonly zone: Zone
  /** Undefined: the first that the browser asks for. */
  readonly language: Language | undefined
}

/** How the page looks, for all of its viewers. */
export interface Look {
  readonly hasHeader: boolean
  /** In the place of "Audit log". */
  readonly title: string | undefined
  readonly columns: ReadonlySet<Column>
  readonly defaults: Defaults
  /** Colours of the application's own. */
  readonly css: string | undefined
  /** Who may frame the page, as `frame-ancestors` takes them. None: nobody. */
  readonly ancestors: readonly string[]
}

export const PLAIN_LOOK: Look = {
  ...{
    hasHeader: true,
    title: undefined,
    columns: new Set(COLUMNS),
    css: undefined,
    ancestors: [],
  },
  defaults: { theme: 'auto', zone: UTC, language: undefined },
}
