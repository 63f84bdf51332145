/** A cookie's value, decoded; undefined where it is not there, or is not ours to read. */
export function cookieOf(request: Request, name: string): string | undefined {
  for (const pair of (request.headers.get('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=')
    if (at < 0 || pair.slice(0, at).trim() !== name) continue
    try {
      return decodeURIComponent(pair.slice(at + 1).trim())
    } catch {
      return undefined
    }
  }
  return undefined
}

export interface CookieOptions {
  readonly maxAgeS: number
  readonly isHttpOnly: boolean
}

/** No path is given: the browser takes the page's own folder, wherever that is. */
export function setCookie(
  request: Request,
  [name, value]: readonly [string, string],
  { maxAgeS, isHttpOnly }: CookieOptions,
): string {
  const parts = [`${name}=${encodeURIComponent(value)}`, `Max-Age=${maxAgeS}`, 'SameSite=Strict']
  if (isHttpOnly) parts.push('HttpOnly')
  // Over plain HTTP, on one's own machine, a browser would drop it.
  const isSecure =
    request.url.startsWith('https:') || request.headers.get('x-forwarded-proto') === 'https'
  if (isSecure) parts.push('Secure')
  return parts.join('; ')
}
