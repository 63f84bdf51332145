import { randomUUID } from 'node:crypto'
import { appendFileSync, mkdirSync } from 'node:fs'
import path from 'node:path'
import type { CapturedEntry } from '../../capture/captured-entry.ts'
import { watchEntries } from '../../recorder/entry-watch.ts'
import { type RouteSource, routeSourceOf } from './app-routes.ts'
import { FOLDER_VARIABLE, type Note } from './folder.ts'

let notes: Notes | undefined
const sources: RouteSource[] = []

/**
 * Notes the routes of an application, and in which of them something is recorded while the tests
 * run. Call it where the tests make their application, once its routes are declared. It does nothing
 * outside of `audit-relay coverage`.
 *
 * @param app of Express 4 or 5, of Fastify with `fastifyAudit`, or of Hono; or a list of routes, such
 * as `['POST /events/:eventId']`
 * @returns `app`
 * @throws {TypeError} where it is none of these
 */
export function watchRoutes<App>(app: App): App {
  const source = routeSourceOf(app)
  const folder = process.env[FOLDER_VARIABLE]
  if (!folder) return app
  notes ??= startNotes(folder)
  const { declared } = source
  if (declared) declared.onAdd = (route) => notes?.add({ route })
  sources.push(source)
  noteRoutes()
  return app
}

function startNotes(folder: string): Notes {
  const started = new Notes(folder)
  watchEntries((entry) => {
    const route = routeOf(entry)
    if (route !== undefined) started.add({ recorded: route })
  })
  process.on('exit', noteRoutes) // those that were declared later
  return started
}

function noteRoutes(): void {
  for (const source of sources) for (const route of source.list()) notes?.add({ route })
}

/** The plugins of all frameworks put method and route into the context. */
function routeOf({ context }: CapturedEntry): string | undefined {
  const method: unknown = context?.details?.['method']
  const route: unknown = context?.details?.['route']
  return typeof method === 'string' && typeof route === 'string' ? `${method} ${route}` : undefined
}

/** A file of this process, with each note once. */
class Notes {
  readonly #file: string
  readonly #known = new Set<string>()

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true })
    this.#file = path.join(folder, `${process.pid}-${randomUUID()}.ndjson`)
  }

  /** At once, because a runner may end its workers without a word. Never throws. */
  add(note: Note): void {
    const line = `${JSON.stringify(note)}\n`
    if (this.#known.has(line)) return
    this.#known.add(line)
    try {
      appendFileSync(this.#file, line)
    } catch {
      // The routes that could not be noted will be named.
    }
  }
}
