import type { IncomingMessage, ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { type AnyCatalog, refuseNoCatalog } from '../actions/define-actions.ts'
import { optionInvalid } from '../errors.ts'
import { type AuditLogger, guardLogger } from '../logger.ts'
import { refuseUnknownOptions } from '../options.ts'
import type { AuditDatabase } from '../database/callers-database.ts'
import { misfitOf } from '../database/recognise.ts'
import type { FindForViewer, NameLookup } from '../names/name-source.ts'
import { ApiTokens } from './auth/api-tokens.ts'
import type { Authorize } from './auth/viewer.ts'
import { type EmbedOptions, lookOf } from './embed/embed-options.ts'
import { DeniedReads } from './requests/denied-reads.ts'
import { HeadWatcher } from './live/head-watcher.ts'
import type { ReadRecorder } from './requests/note-read.ts'
import type { PageServices } from './requests/page-services.ts'
import { ReadNotes } from './requests/read-notes.ts'
import { Reception, type Sender, type SignOut } from './requests/reception.ts'
import { type SharedViewOptions, SharedViews } from './views/shared-views.ts'
import { ViewerShare } from './requests/viewer-share.ts'

export interface TimelinePageOptions {
  /** Drizzle with a login that has the role `audit_reader`. Give it a `statement_timeout`. */
  readonly db: AuditDatabase
  /** Called for every request. It says who sends it and what they see. */
  readonly authorize: Authorize
  /**
   * Receives an `audit.read` entry for each page, entry, history, histogram, export and live stream
   * that a viewer opens, and `audit.read_denied` entries. False: reads are not recorded.
   * Default: `db` writes it, by the function `audit.note_read` that `audit_reader` may call.
   */
  readonly recorder?: ReadRecorder | false | undefined
  /**
   * Whether the entry about a read is committed before anything is shown. Where it cannot be
   * written, the answer is a 503 without anything of the log. Each answer then waits for the commit.
   * Default: false, so the entry is written at the same time, and a failure is logged.
   */
  readonly strict?: boolean | undefined
  /**
   * Ends a viewer's session, for example by a cookie that is cleared and a redirect. With it the
   * page has a button "Sign out", which sends a POST from the page's own site.
   * Default: no button.
   */
  readonly signOut?: SignOut | undefined
  /**
   * Finds names for the ids of users, events and targets, in one call for each page. An id that it
   * leaves out has the name that its entries give it, or is shown as it is. So are all ids if it throws
   * or takes more than a second. `namesFromLabels(db)` knows the names of people who have left.
   */
  readonly names?: NameLookup | undefined
  /**
   * Finds the ids of a name in the query line, such as `by:ada`: a text that a viewer typed, up to 2,000
   * characters. At most 20 ids count. Where it throws or takes more than a second, nothing is found.
   * Default: none, so the query line takes ids alone.
   */
  readonly find?: FindForViewer | undefined
  /**
   * Whether programs get in by tokens that `audit-relay token` made, in the header `Authorization: Bearer`.
   * A token says itself what it may see, and `authorize` is not asked. A database says where tokens are
   * looked up: as `audit_reader`, where the login may write, so that the last use of a token is known.
   * Default: false. True: in `db`.
   */
  readonly tokens?: boolean | { readonly db: AuditDatabase } | undefined
  /**
   * The application's catalogue, from `defineActions`. Entries are shown by the sentences of its
   * `describe` functions.
   */
  readonly actions?: AnyCatalog | undefined
  /**
   * Saved views. `'private'`: each is in the browser of who saved it. Otherwise a viewer can also share one with
   * those who see the same event, or every event; each change leaves an entry. Mount the page for POST, too.
   * Default: shared, among viewers with a `userId` who did not come by a signed link or a token.
   */
  readonly views?: 'private' | SharedViewOptions | undefined
  /** How the page looks inside of another one, and who may frame it. Default: nobody. */
  readonly embed?: EmbedOptions | undefined
  /** Default: a pino logger. */
  readonly logger?: AuditLogger | undefined
}

export interface TimelinePage {
  /** Answers a request. Only its query is read, so the page works under any path. */
  readonly fetch: (request: Request, environment?: unknown) => Promise<Response>
  /** The same for the request and response of `node:http`, as in Express and Fastify. */
  readonly listener: (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>
  /** Hands over what is still to be said about attempts to get in. Safe to call twice. */
  readonly close: () => Promise<void>
}

const OPTION_NAMES = [
  'db',
  'authorize',
  'recorder',
  'strict',
  'signOut',
  'names',
  'find',
  'tokens',
  'views',
  'actions',
  'embed',
  'logger',
] as const
const LIVE_VIEWS = { max: 100, maxOfOne: 10 }
const EXPORTS = { max: 30, maxOfOne: 5 }

/**
 * The log as a web page: filters, a histogram, details, a live view, exports. It works without
 * JavaScript and under any path, and it has no sessions.
 *
 * @example
 * ```ts
 * const authorize = async (request: Request) => {
 *   const user = await signedIn(request)
 *   return user && { name: user.name, userId: user.id, sees: 'everything' }
 * }
 * const page = createTimelinePage({ db, authorize })
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
  const { db, authorize, names, find, actions, signOut, strict: isStrict = false } = options
  refuseNoCatalog(actions)
  const misfit = misfitOf(db)
  if (misfit) throw optionInvalid(`createTimelinePage needs db, got ${misfit.what}. ${misfit.cure}`)
  if (typeof authorize !== 'function') {
    throw optionInvalid('createTimelinePage needs authorize (a function).')
  }
  if (find !== undefined && typeof find !== 'function') {
    throw optionInvalid('find must be a function.')
  }
  if (signOut !== undefined && typeof signOut !== 'function') {
    throw optionInvalid('signOut must be a function.')
  }
  const logger = guardLogger(options.logger, 'audit-page')
  const recorder = chooseRecorder(options, logger)
  const deniedReads = new DeniedReads({ recorder })
  const services: PageServices = {
    db,
    headWatcher: new HeadWatcher(db),
    recording: { recorder, isStrict },
    lookUpNames: names,
    find,
    actions,
    logger,
    liveViews: new ViewerShare(LIVE_VIEWS),
    exports: new ViewerShare(EXPORTS),
    sharedViews: chooseViews(options),
    look: lookOf(options.embed),
    canSignOut: signOut !== undefined,
  }
  const tokens = chooseTokens(options)
  const reception = new Reception({ services, authorize, signOut, tokens, deniedReads })
  const fetch = (request: Request, environment?: unknown) =>
    reception.respond(request, senderOf(request, environment))
  // By default hono replaces the process' global Request and Response; a library must not.
  const listener = getRequestListener(fetch, { overrideGlobalObjects: false })
  const close = async () => {
    deniedReads.flush()
    if (recorder instanceof ReadNotes) await recorder.settled()
  }
  return { fetch, listener, close }
}

function chooseTokens({ db, tokens = false }: TimelinePageOptions): ApiTokens | undefined {
  if (tokens === false) return undefined
  if (tokens === true) return new ApiTokens(db)
  const misfit = misfitOf(tokens?.db)
  if (misfit) throw optionInvalid(`tokens must be true, false or { db }, got ${misfit.what}.`)
  return new ApiTokens(tokens.db)
}

function chooseViews({ db, views = {} }: TimelinePageOptions): SharedViews | undefined {
  if (views === 'private') return undefined
  if (typeof views !== 'object' || views === null) {
    throw optionInvalid("views must be 'private' or { db, sharedWith }.")
  }
  refuseUnknownOptions(views, ['db', 'sharedWith'])
  const { db: own = db, sharedWith } = views
  const misfit = misfitOf(own)
  if (misfit) throw optionInvalid(`views.db must be a database, got ${misfit.what}.`)
  if (sharedWith !== undefined && typeof sharedWith !== 'function') {
    throw optionInvalid('views.sharedWith must be a function.')
  }
  return new SharedViews(own, sharedWith)
}

function chooseRecorder(
  { db, recorder, strict = false }: TimelinePageOptions,
  logger: AuditLogger,
): ReadRecorder | undefined {
  if (typeof strict !== 'boolean') throw optionInvalid('strict must be true or false.')
  if (recorder === undefined) return new ReadNotes(db, logger)
  if (recorder === false) {
    if (!strict) return undefined
    throw optionInvalid('strict needs a recorder: leave out recorder: false, or strict.')
  }
  if (typeof recorder?.record !== 'function') {
    throw optionInvalid('recorder must be false or have a function record.')
  }
  if (strict && typeof recorder.write !== 'function') {
    throw optionInvalid(
      'strict needs a recorder with a function write, which resolves once an entry is written.',
    )
  }
  return recorder
}

/** Who asks, and under which path, where the server tells its handlers of it. */
function senderOf(request: Request, environment: unknown): Sender {
  const incoming: unknown = Reflect.get(Object(environment), 'incoming')
  const socket: unknown = Reflect.get(Object(incoming), 'socket')
  const address: unknown = Reflect.get(Object(socket), 'remoteAddress')
  // Express takes the path off that a router is mounted at, and keeps the whole.
  const original: unknown = Reflect.get(Object(incoming), 'originalUrl')
  const path = typeof original === 'string' ? original.split('?')[0] : undefined
  return {
    peer: typeof address === 'string' ? address : undefined,
    path: path || new URL(request.url).pathname,
    // Express' and Next's parsers leave nothing of the body for others to read.
    form: Reflect.get(Object(incoming), 'body'),
  }
}
