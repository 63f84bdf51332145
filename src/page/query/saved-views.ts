import { type GivenParameters, href, isViewParameter } from './address.ts'

/** A name for what is asked for. */
export interface SavedView {
  readonly name: string
  /** The link to it, `?q=…`. */
  readonly address: string
}

/** One that others see, too. */
export interface SharedView extends SavedView {
  readonly id: string
  /** Undefined: it was erased, or the viewer may not see who people are. */
  readonly madeBy: string | undefined
  /** ISO 8601. */
  readonly madeAt: string
}

export const MAX_VIEW_NAME = 60
export const MAX_VIEWS = 20
/** A browser keeps 4 KiB of a cookie, its name and attributes included. */
const MAX_COOKIE_CHARACTERS = 3_500
/** Where in the list somebody is, and what is open, is no part of what is asked for. */
const PASSING = { cursor: null, entry: null, live: null } as const

/** What a cookie holds. Whatever is no view of this page in it is left out. */
export function viewsIn(cookie: string | undefined): readonly SavedView[] {
  if (cookie === undefined || cookie.length > MAX_COOKIE_CHARACTERS) return []
  const text = Buffer.from(cookie, 'base64url').toString('utf8')
  return [...new URLSearchParams(text)].slice(0, MAX_VIEWS).flatMap(([given, query]) => {
    return viewOf(given, [...new URLSearchParams(query)]) ?? []
  })
}

/** @returns undefined where it is no view of this page */
export function viewOf(
  given: string,
  parameters: readonly (readonly [string, string])[],
): SavedView | undefined {
  const name = viewName(given)
  const asked = parameters.filter(([key]) => isViewParameter(key))
  if (name === undefined || asked.length === 0) return undefined
  return { name, address: href(Object.fromEntries(asked), PASSING) }
}

/** What is asked for now, as the address of a view has it. */
export function addressOf(given: GivenParameters): string {
  return href(given, PASSING)
}

/** The value of a cookie, or undefined where it would not be kept. */
export function cookieOf(views: readonly SavedView[]): string | undefined {
  const text = new URLSearchParams(
    views.map(({ name, address }): [string, string] => [name, address.slice(1)]),
  )
  const cookie = Buffer.from(String(text)).toString('base64url')
  return views.length > MAX_VIEWS || cookie.length > MAX_COOKIE_CHARACTERS ? undefined : cookie
}

/** The views with one more, or with another one of the same name in its place. */
export function withView(
  views: readonly SavedView[],
  name: string,
  given: GivenParameters,
): readonly SavedView[] {
  return [...withoutView(views, name), { name, address: addressOf(given) }]
}

export function withoutView(views: readonly SavedView[], name: string): readonly SavedView[] {
  return views.filter((view) => view.name !== name)
}

/** @returns undefined for a text that can be no name */
export function viewName(given: string): string | undefined {
  const name = given.replaceAll(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim()
  return name === '' || name.length > MAX_VIEW_NAME ? undefined : name
}
