import { knownMethods } from '../../frameworks/route-list.ts'

/** An item of the stack of a router, of Express 4 or 5. */
interface Layer {
  readonly route?: {
    readonly path: unknown
    readonly methods: Readonly<Record<string, boolean>>
  }
  readonly handle?: unknown
  /** What it is mounted at: of the router of Express 5. */
  readonly rawPath?: unknown
  /** The same in Express 4. */
  readonly regexp?: RegExp & { readonly fast_slash?: boolean }
  readonly keys?: readonly { readonly name: unknown }[]
}

const MAX_DEPTH = 20
/** A mount path that the router does not tell. */
const UNKNOWN = '/…'

/** The routes of an application or a router, also those of the routers that are mounted in it. */
export function expressRoutes(app: object): readonly string[] {
  const mounted: unknown = call(app, 'path')
  return routesIn(stackOf(app), typeof mounted === 'string' ? mounted : '', 0)
}

function routesIn(stack: readonly Layer[], prefix: string, depth: number): readonly string[] {
  if (depth > MAX_DEPTH) return []
  return stack.flatMap((layer) => {
    if (layer.route === undefined) {
      const inner = stackOf(layer.handle)
      return inner.length === 0 ? [] : routesIn(inner, prefix + mountPath(layer), depth + 1)
    }
    const path = String(layer.route.path)
    const whole = prefix === '' ? path : prefix + (path === '/' ? '' : path)
    const methods = Object.entries(layer.route.methods).filter(([, isThere]) => isThere)
    return knownMethods(methods.map(([method]) => (method === '_all' ? 'ALL' : method))).map(
      (method) => `${method} ${whole}`,
    )
  })
}

function stackOf(holder: unknown): readonly Layer[] {
  // In Express 4 `router` is a getter that throws.
  for (const name of ['stack', '_router', 'router']) {
    try {
      const found: unknown = Reflect.get(Object(holder), name)
      const stack: unknown = name === 'stack' ? found : Reflect.get(Object(found), 'stack')
      if (Array.isArray(stack)) return stack
    } catch {}
  }
  return []
}

function mountPath({ rawPath, regexp, keys = [] }: Layer): string {
  if (rawPath !== undefined) {
    const [first = '/', ...others] = [rawPath].flat()
    if (typeof first !== 'string' || others.length > 0) return UNKNOWN
    return first.replace(/\/$/, '')
  }
  if (regexp === undefined) return UNKNOWN
  if (regexp.fast_slash) return ''
  const names = keys.map(({ name }) => String(name))
  const path = regexp.source
    .replace(/^\^/, '')
    .replace(/\\\/\?\(\?=\\\/\|\$\)$/, '')
    .replaceAll(
      /\(\?:(\\\/)?\(\[\^\\?\/\]\+\?\)\)/g,
      (_, slash = '') => `${slash}:${names.shift() ?? 'parameter'}`,
    )
    .replaceAll(/\\([/.-])/g, '$1')
  return /^[\w/.:~-]*$/.test(path) ? path : UNKNOWN
}

function call(holder: object, name: string): unknown {
  try {
    const method: unknown = Reflect.get(holder, name)
    return typeof method === 'function' ? method.call(holder) : undefined
  } catch {
    return undefined
  }
}
