/** Whether another site sent the form. Browsers say so; whatever else asks has no cookie to lose. */
export function isForeign(request: Request): boolean {
  const site = request.headers.get('sec-fetch-site')
  return site !== null && site !== 'same-origin'
}
