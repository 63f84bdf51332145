import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { record } from '../recorder/default-recorder.ts'
import { AuditError, optionInvalid } from '../errors.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import * as answers from './http/responses.ts'
import { assetResponse } from './http/assets.ts'
import { preferencesOf } from './requests/preferences.ts'
import { Pulse } from './requests/head-watcher.ts'
import type { ReadRecorder } from './requests/record-read.ts'
import { answerViewer } from './requests/respond-to-viewer.ts'
import { type Authorize, askForViewer } from './auth/viewer.ts'
import { notice } from './view/messages.ts'
import type { Library } from './requests/services.ts'

export interface TimelinePageOptions {
  /** Drizzle on a login that was granted `audit_reader`, best with a `statement_timeout`. */
  readonly db: AuditDatabase
  /** Says who asks, for every request. */
  readonly authorize: Authorize
  /**
   * Takes an `audit.read` entry for what somebody reads; false: reading is not written down.
   * Default: the recorder of package-level `record()`.
   */
  readonly recorder?: ReadRecorder | false | undefined
  /**
   * Names for ids of users, events and targets, all of a page in one call. What it leaves out, and
   * everything where it throws or takes more than a second, is shown as an id.
   */
  readonly names?: ((ids: readonly string[]) => Promise<ReadonlyMap<string, string>>) | undefined
  /** Default: pino's own. */
  readonly logger?: AuditLogger | undefined
}

export interface TimelinePage {
  /** Answers a request of whatever address: what is asked for stands in its query alone. */
  readonly fetch: (request: Request) => Promise<Response>
  /** The same for Node's own request and response, as Express and Fastify have them. */
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
}

const OPTION_NAMES = ['db', 'authorize', 'recorder', 'names', 'logger'] as const

/**
 * The log as a page for people: filters, a histogram, details, a live view, exports. It works
 * without JavaScript, under any path, and keeps nothing between two requests.
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
  const { db, authorize, recorder = { record }, names } = options
  if (typeof db?.execute !== 'function' || typeof authorize !== 'function') {
    throw optionInvalid('createTimelinePage needs db and authorize.')
  }
  const library: Library = {
    db,
    pulse: new Pulse(db),
    recorder: recorder === false ? undefined : recorder,
    names,
    logger: guardLogger(options.logger, 'audit-page'),
    streams: { open: 0 },
  }
  const answer = (request: Request) => respond(library, authorize, request)
  // Of the host's process we change nothing: not even its global Request.
  const listener = getRequestListener(answer, { overrideGlobalObjects: false })
  return { fetch: answer, listener }
}

async function respond(
  library: Library,
  authorize: Authorize,
  request: Request,
): Promise<Response> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return answers.plain('This page is only read.', 405, { allow: 'GET, HEAD' })
  }
  try {
    const { searchParams } = new URL(request.url)
    const viewer = assetResponse(request, searchParams) ?? (await askForViewer(authorize, request))
    if (viewer instanceof Response) return viewer
    if (viewer === undefined) return stranger(request)
    return await answerViewer(library, { request, parameters: searchParams, viewer })
  } catch (error) {
    // Neither an entry nor the address is logged: only where it came from.
    const fault = error instanceof AuditError ? error.message : 'see the stack'
    const stack = error instanceof Error && !(error instanceof AuditError) ? framesOf(error) : []
    library.logger.error({ fault, stack }, 'audit page failed')
    return answers.plain('The page failed. Its process has logged where.', 500)
  }
}

/** Without its first lines: a message may quote what it failed on. */
function framesOf({ stack = '' }: Error): readonly string[] {
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line.startsWith('at '))
    .slice(0, 10)
}

/**
 * A link on another site, such as a ticket, comes without a SameSite=Strict cookie, also for who
 * has one. Asked for again by our own page it comes with it; then it is no visit from elsewhere.
 */
function stranger(request: Request): Promise<Response> {
  const isFromElsewhere = request.headers.get('sec-fetch-site') === 'cross-site'
  const html = notice({
    title: isFromElsewhere ? 'One moment' : 'Not open to you',
    message: isFromElsewhere
      ? 'Looking whether you may read this.'
      : 'Open this page with the link that holds your token, or sign in first.',
    theme: preferencesOf(request).theme,
    refreshAfterS: isFromElsewhere ? 0 : undefined,
  })
  return answers.page(html, 401)
}
