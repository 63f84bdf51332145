import type { html } from 'hono/html'

/** What `html` makes: text in which every value that was put in is escaped. */
export type Html = ReturnType<typeof html>

/**
 * Nothing runs or loads but our own two files. Every value of an entry is text already; this is for
 * the day on which somebody forgets it.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

const HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // The address holds ids and the filter.
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

type More = Readonly<Record<string, string>>

export async function page(html: Html, status = 200, more: More = {}): Promise<Response> {
  const headers = { ...HEADERS, 'content-type': 'text/html; charset=utf-8', ...more }
  return new Response(String(await html), { status, headers })
}

export function plain(message: string, status: number, more: More = {}): Response {
  const headers = { ...HEADERS, 'content-type': 'text/plain; charset=utf-8', ...more }
  return new Response(`${message}\n`, { status, headers })
}

export function stream(body: ReadableStream<Uint8Array>, more: More): Response {
  return new Response(body, { headers: { ...HEADERS, ...more } })
}

/** A query and nothing else is right under every path that the page may be mounted at. */
export function redirect(query: string, more: More = {}): Response {
  return new Response(null, { status: 303, headers: { ...HEADERS, location: query, ...more } })
}
