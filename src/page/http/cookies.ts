import { parse, serialize } from 'hono/utils/cookie'

/** @returns the cookie's decoded value; undefined where the request has no such cookie */
export function readCookie(request: Request, name: string): string | undefined {
  return parse(request.headers.get('cookie') ?? '', name)[name]
}

export interface NewCookie {
  readonly name: string
  readonly value: string
  /** 0 removes the cookie. */
  readonly maxAgeS: number
  /** A browser ignores a `Secure` cookie that comes over plain HTTP, as on a developer's machine. */
  readonly secure: boolean
  /** Whether a page of another site may have it in a frame. Only over TLS. Default: no. */
  readonly isFramed?: boolean
}

/** Where TLS is, a browser takes a cookie of this name from this host alone, and only over TLS. */
const HOST_PREFIX = '__Host-'

/**
 * The `Set-Cookie` header for a cookie that neither scripts nor other sites can use. It names no
 * path, so the browser takes the folder that the page is in, except for a cookie of the whole host.
 */
export function cookieHeader(cookie: NewCookie): string {
  const { name, value, maxAgeS, secure, isFramed = false } = cookie
  const path = name.startsWith(HOST_PREFIX) ? { path: '/' } : {}
  return serialize(name, value, {
    maxAge: maxAgeS,
    ...(isFramed && secure ? { sameSite: 'None', partitioned: true } : { sameSite: 'Strict' }),
    httpOnly: true,
    secure,
    ...path,
  })
}

/** The name that a cookie of this request has: one that no other host or port can set, if it may. */
export function hostCookieName(name: string, isTls: boolean): string {
  return isTls ? HOST_PREFIX + name : name
}

/**
 * Whether the browser's side of a request is encrypted.
 *
 * @param trustsProxy whether to believe `X-Forwarded-Proto`, which any client can send
 */
export function isTls(request: Request, trustsProxy = false): boolean {
  if (request.url.startsWith('https:')) return true
  if (!trustsProxy) return false
  // The last one was added by the proxy that is nearest.
  return request.headers.get('x-forwarded-proto')?.split(',').at(-1)?.trim() === 'https'
}
