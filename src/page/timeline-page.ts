import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { AuditError, optionInvalid } from '../errors.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { type Authorize, authorizeRequest } from './auth/viewer.ts'
import { assetResponse } from './http/assets.ts'
import { htmlResponse, textResponse } from './http/responses.ts'
import { HeadWatcher } from './requests/head-watcher.ts'
import type { NameLookup } from './requests/name-lookup.ts'
import type { PageServices } from './requests/page-services.ts'
import { readPreferences } from './requests/preferences.ts'
import { ReadNotes } from './requests/read-notes.ts'
import type { ReadRecorder } from './requests/record-read.ts'
import { respondToViewer } from './requests/respond-to-viewer.ts'
import { noticePage } from './view/messages.ts'

export interface TimelinePageOptions {
  /** Drizzle with a login that has the role `audit_reader`. Give it a `statement_timeout`. */
  readonly db: AuditDatabase
  /** Called for every request: says who sends it. */
  readonly authorize: Authorize
  /**
   * Receives an `audit.read` entry for each page, entry, export and live view that a viewer opens.
   * False: reads are not recorded.
   * Default: `db` writes it, by the function `audit.note_read` that `audit_reader` may call.
   */
  readonly recorder?: ReadRecorder | false | undefined
  /**
   * Finds names for the ids of users, events and targets, in one call for each page. An id that it
   * leaves out is shown as it is, and so are all ids if it throws or takes more than a second.
   */
  readonly names?: NameLookup | undefined
  /** Default: a pino logger. */
  readonly logger?: AuditLogger | undefined
}

export interface TimelinePage {
  /** Answers a request. Only its query is read, so the page works under any path. */
  readonly fetch: (request: Request) => Promise<Response>
  /** The same for the request and response of `node:http`, as in Express and Fastify. */
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
}

const OPTION_NAMES = ['db', 'authorize', 'recorder', 'names', 'logger'] as const

/**
 * The log as a web page: filters, a histogram, details, a live view, exports. It works without
 * JavaScript and under any path, and it has no sessions.
 *
 * @example
 * ```ts
 * const page = createTimelinePage({ db, authorize: async (request) => await signedIn(request) })
 * hono.all('/audit', (c) => page.fetch(c.req.raw))
 * express.use('/audit', page.listener)
 * fastify.get('/audit', (request, reply) => {
 *   reply.hijack()
 *   return page.listener(request.raw, reply.raw)
 * })
 * export const GET = page.fetch // Next: app/audit/route.ts
 * ```
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`
 */
export function createTimelinePage(options: TimelinePageOptions): TimelinePage {
  refuseUnknownOptions(options, OPTION_NAMES)
  const { db, authorize, names } = options
  if (typeof db?.execute !== 'function' || typeof authorize !== 'function') {
    throw optionInvalid('createTimelinePage needs db (Drizzle) and authorize (a function).')
  }
  const logger = guardLogger(options.logger, 'audit-page')
  const { recorder = new ReadNotes(db, logger) } = options
  const services: PageServices = {
    db,
    headWatcher: new HeadWatcher(db),
    recorder: recorder === false ? undefined : recorder,
    lookUpNames: names,
    logger,
    liveViews: { openCount: 0 },
  }
  const fetch = (request: Request) => respond(services, authorize, request)
  // By default hono replaces the process' global Request and Response; a library must not.
  const listener = getRequestListener(fetch, { overrideGlobalObjects: false })
  return { fetch, listener }
}

async function respond(
  services: PageServices,
  authorize: Authorize,
  request: Request,
): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return textResponse('Only GET and HEAD are allowed.', 405, { allow: 'GET, HEAD' })
  }
  try {
    const { searchParams } = new URL(request.url)
    const viewer =
      assetResponse(request, searchParams) ?? (await authorizeRequest(authorize, request))
    if (viewer instanceof Response) return viewer
    if (viewer === undefined) return unauthorized(request)
    return await respondToViewer(services, { request, parameters: searchParams, viewer })
  } catch (error) {
    // The message may quote an entry or the address, so only the place is logged.
    const fault = error instanceof AuditError ? error.message : 'see the stack'
    const stack = error instanceof Error && !(error instanceof AuditError) ? stackFrames(error) : []
    services.logger.error({ fault, stack }, 'audit page: a request failed')
    return textResponse('Internal error. Details are in the server log.', 500)
  }
}

/** The stack without its message, which may quote the value that caused the error. */
function stackFrames({ stack = '' }: Error): readonly string[] {
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 10)
}

/**
 * A link on another site, such as a ticket system, sends no SameSite=Strict cookie, even if the
 * browser has one. So the notice reloads itself once: that request comes from the page's own site
 * and sends the cookie.
 */
function unauthorized(request: Request): Promise<Response> {
  const isCrossSite = request.headers.get('sec-fetch-site') === 'cross-site'
  const html = noticePage({
    title: isCrossSite ? 'One moment' : 'Sign in first',
    message: isCrossSite
      ? 'Checking whether you may read the audit log.'
      : 'Open this page with the link that contains your token, or sign in to the application.',
    theme: readPreferences(request).theme,
    refreshAfterS: isCrossSite ? 0 : undefined,
  })
  return htmlResponse(html, 401)
}
