/** Where an application keeps its `RouteList`, where its framework has no list of routes. */
export const kRoutes = Symbol.for('audit-outbox.routes')

/** The routes of an application, as `POST /events/:eventId`, while they are declared. */
export class RouteList {
  readonly #routes = new Set<string>()
  /** Is told of each route that is declared later. */
  onAdd: ((route: string) => void) | undefined

  get routes(): readonly string[] {
    return [...this.#routes]
  }

  add(methods: string | readonly string[], path: string): void {
    for (const method of knownMethods([methods].flat())) {
      const route = `${method} ${path}`
      this.#routes.add(route)
      this.onAdd?.(route)
    }
  }
}

const ALL = ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/** `ALL` in the place of the long list that `app.all` makes, else the methods in capitals. */
export function knownMethods(methods: readonly string[]): readonly string[] {
  const names = methods.map((method) => method.toUpperCase())
  return ALL.every((method) => names.includes(method)) ? ['ALL'] : names
}
