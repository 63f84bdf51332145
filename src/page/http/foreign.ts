/**
 * Whether another site sent a form. A browser says so, but not over plain HTTP: there it says from which
 * origin a form comes, or from which address. Whatever says nothing has no cookie to lose.
 */
export function isForeign(request: Request): boolean {
  return isOwn(request) === false
}

/** Whether the page's own site sent a form, for what changes something: here who says nothing is refused. */
export function isFromOwnSite(request: Request): boolean {
  return isOwn(request) === true
}

/** Undefined where the request does not say. */
function isOwn({ headers, url }: Request): boolean | undefined {
  const site = headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const from = headers.get('origin') ?? headers.get('referer')
  if (from === null) return undefined
  if (!URL.canParse(from)) return false
  // Behind a proxy the scheme is another one, and perhaps the host: no form of another site sets this header.
  const hosts = [new URL(url).host, headers.get('x-forwarded-host')?.split(',')[0]?.trim()]
  return hosts.includes(new URL(from).host)
}
