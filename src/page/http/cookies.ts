import { parse, serialize } from 'hono/utils/cookie'

/** @returns the cookie's decoded value; undefined where the request has no such cookie */
export function readCookie(request: Request, name: string): string | undefined {
  return parse(request.headers.get('cookie') ?? '', name)[name]
}

export interface NewCookie {
  readonly name: string
  readonly value: string
  readonly maxAgeS: number
}

/**
 * The `Set-Cookie` header for a cookie that neither scripts nor other sites can use. It names no
 * path, so the browser takes the folder that the page is in.
 */
export function cookieHeader(request: Request, { name, value, maxAgeS }: NewCookie): string {
  // A browser ignores a `Secure` cookie that comes over plain HTTP, as on a developer's machine.
  const secure =
    request.url.startsWith('https:') || request.headers.get('x-forwarded-proto') === 'https'
  return serialize(name, value, { maxAge: maxAgeS, sameSite: 'Strict', httpOnly: true, secure })
}
