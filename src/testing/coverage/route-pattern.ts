/**
 * Finds the declared route that a recorded one belongs to. They differ where a framework tells the
 * requested path in the place of a pattern, as Express does for the mount path of a router.
 *
 * @returns undefined where there is none
 */
export function declaredRoute(recorded: string, declared: readonly string[]): string | undefined {
  if (declared.includes(recorded)) return recorded
  const { method, path } = partsOf(recorded)
  const fits = declared.filter((route) => {
    const parts = partsOf(route)
    return (parts.method === method || parts.method === 'ALL') && fitsPattern(path, parts.path)
  })
  return fits.toSorted((one, other) => weight(one) - weight(other))[0]
}

export function partsOf(route: string): { readonly method: string; readonly path: string } {
  const space = route.indexOf(' ')
  return { method: route.slice(0, space), path: route.slice(space + 1) }
}

function fitsPattern(path: string, pattern: string): boolean {
  if (path === pattern) return true
  const segments = pattern.split('/').map((segment) => {
    if (segment === '…' || segment.startsWith('*')) return '.+'
    return isVariable(segment) ? '[^/]+' : segment.replaceAll(/[$()*+.?[\\\]^{|}]/g, '\\$&')
  })
  return new RegExp(`^${segments.join('/')}$`).test(path)
}

function isVariable(segment: string): boolean {
  return /[:*{(]/.test(segment)
}

/** A route with fewer variables is the nearer one, and one of its own method comes before `ALL`. */
function weight(route: string): number {
  const { method, path } = partsOf(route)
  const variables = path.split('/').filter((segment) => segment === '…' || isVariable(segment))
  return variables.length * 2 + (method === 'ALL' ? 1 : 0)
}
