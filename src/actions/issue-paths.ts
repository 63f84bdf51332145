/** How many of a schema's issues are named, and how many parts each path has at most. */
const MAX_ISSUES = 10
const MAX_PARTS = 32

/**
 * The paths of a schema's issues, as `color, size.width, guests[2].name`. Messages are left out,
 * because they may quote a secret. An issue of the whole metadata has no path.
 *
 * @returns undefined where no issue has one
 */
export function pathsOf(issues: unknown): string | undefined {
  if (!Array.isArray(issues)) return undefined
  const paths = issues
    .slice(0, MAX_ISSUES)
    .map((issue) => pathOf(Reflect.get(Object(issue), 'path')))
  const named = [...new Set(paths)].filter((path) => path !== '')
  if (named.length === 0) return undefined
  return issues.length > MAX_ISSUES ? `${named.join(', ')}, …` : named.join(', ')
}

/** A part is a key, or an object with one. */
function pathOf(parts: unknown): string {
  if (!Array.isArray(parts)) return ''
  return parts.slice(0, MAX_PARTS).reduce<string>((path, part) => {
    const key: unknown = typeof part === 'object' && part !== null ? Reflect.get(part, 'key') : part
    if (typeof key === 'number') return `${path}[${key}]`
    return path === '' ? String(key) : `${path}.${String(key)}`
  }, '')
}
