import { kRoutes, RouteList } from '../../frameworks/route-list.ts'
import { expressRoutes } from './express-routes.ts'

/** Tells the routes of an application, now or when they are declared. */
export interface RouteSource {
  list(): readonly string[]
  /** Undefined: it does not tell. */
  readonly declared?: RouteList
}

/** @throws {TypeError} where it is not an application of a framework that is known */
export function routeSourceOf(app: unknown): RouteSource {
  const known: unknown = Reflect.get(Object(app), kRoutes)
  if (known instanceof RouteList) return { list: () => known.routes, declared: known }
  if (isTextList(app)) return { list: () => app }
  const routes: unknown = Reflect.get(Object(app), 'routes')
  if (Array.isArray(routes)) return { list: () => honoRoutes(routes) }
  if (typeof app === 'function' && ('use' in app || 'handle' in app)) {
    return { list: () => expressRoutes(app) }
  }
  throw new TypeError(
    'watchRoutes takes an application of Express, Fastify (after fastifyAudit was registered) or ' +
      'Hono, or a list of routes such as "POST /events/:eventId".',
  )
}

function isTextList(given: unknown): given is readonly string[] {
  return Array.isArray(given) && given.every((one) => /^[A-Z]+ \S/.test(String(one)))
}

/** Hono keeps middleware in the same list, for all methods. It takes a second argument, `next`. */
function honoRoutes(routes: readonly unknown[]): readonly string[] {
  return routes.flatMap((route) => {
    const { method, path, handler } = Object(route)
    const isMiddleware = method === 'ALL' && typeof handler === 'function' && handler.length > 1
    return isMiddleware ? [] : [`${method} ${path}`]
  })
}
