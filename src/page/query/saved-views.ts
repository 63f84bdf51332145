import { type GivenParameters, href, isViewParameter } from './address.ts'

/** A name for what is asked for. It is kept in the browser of the person who gave it. */
export interface SavedView {
  readonly name: string
  /** The link to it, `?q=…`. */
  readonly address: string
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
    const name = viewName(given)
    const asked = [...new URLSearchParams(query)].filter(([key]) => isViewParameter(key))
    if (name === undefined || asked.length === 0) return []
    return [{ name, address: href(Object.fromEntries(asked), PASSING) }]
  })
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
  return [...withoutView(views, name), { name, address: href(given, PASSING) }]
}

export function withoutView(views: readonly SavedView[], name: string): readonly SavedView[] {
  return views.filter((view) => view.name !== name)
}

/** @returns undefined for a text that can be no name */
export function viewName(given: string): string | undefined {
  const name = given.replaceAll(/[\p{Cc}\p{Cs}\s]+/gu, ' ').trim()
  return name === '' || name.length > MAX_VIEW_NAME ? undefined : name
}
