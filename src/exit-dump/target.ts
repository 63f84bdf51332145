/** Where a URL leads, without its password: `host:port/database as user`. */
export function targetOf(url: string): string {
  try {
    const { hostname, port, pathname, username } = new URL(url)
    return `${hostname}:${port || 5432}${pathname} as ${decodeURIComponent(username)}`
  } catch {
    return 'an unreadable URL'
  }
}
