import type { Html } from './html.ts'

const NOBODY = "frame-ancestors 'none'"

/**
 * The browser runs and loads the page's own three files and nothing else. Every value of an entry is
 * escaped before it gets here; this header still holds if one place forgets to.
 */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "form-action 'self'",
  NOBODY,
  "base-uri 'none'",
].join('; ')

type Headers = Readonly<Record<string, string>>

const SECURITY_HEADERS: Headers = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  // The address holds ids and the filter, which no other site is told. The page's own forms are known by it.
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
}

/**
 * Lets these origins frame an answer of the page, which nobody else may. An answer of the application's
 * own, such as a redirect to its sign-in page, stays as it is.
 */
export function letFrame(response: Response, ancestors: readonly string[]): Response {
  const { headers } = response
  const policy = headers.get('content-security-policy')
  if (ancestors.length === 0 || policy !== CONTENT_SECURITY_POLICY) return response
  headers.set(
    'content-security-policy',
    policy.replace(NOBODY, `frame-ancestors ${ancestors.join(' ')}`),
  )
  headers.delete('x-frame-options') // it knows no list of origins
  return response
}

export async function htmlResponse(
  html: Html,
  status = 200,
  headers: Headers = {},
): Promise<Response> {
  return respond(String(await html), status, {
    'content-type': 'text/html; charset=utf-8',
    ...headers,
  })
}

export function textResponse(message: string, status: number, headers: Headers = {}): Response {
  return respond(`${message}\n`, status, {
    'content-type': 'text/plain; charset=utf-8',
    ...headers,
  })
}

export function wholeFile(text: string, headers: Headers): Response {
  return respond(text, 200, headers)
}

export function streamResponse(body: ReadableStream<Uint8Array>, headers: Headers): Response {
  return respond(body, 200, headers)
}

/** @param query relative, such as `?live=1`, so that it works under any path of the page */
export function redirectResponse(query: string, headers: Headers = {}): Response {
  return respond(null, 303, { location: query, ...headers })
}

function respond(
  body: string | ReadableStream<Uint8Array> | null,
  status: number,
  headers: Headers,
): Response {
  return new Response(body, { status, headers: { ...SECURITY_HEADERS, ...headers } })
}
