import { AuditError } from '../../errors.ts'
import { isUuid } from '../../ids/uuid.ts'
import { idKindOf } from '../../read/bound-filter.ts'
import { type ApiTokens, bearerOf } from '../auth/api-tokens.ts'
import {
  type Admission,
  type AdmittedViewer,
  type Authorize,
  authorizeRequest,
  unclear,
} from '../auth/viewer.ts'
import { assetResponse } from '../http/assets.ts'
import { jsonRefusal, refuse, wantsJson } from '../http/refusals.ts'
import { isForeign, isFromOwnSite } from '../http/foreign.ts'
import { isFormBody, readForm } from '../http/form-body.ts'
import { htmlResponse, letFrame, textResponse } from '../http/responses.ts'
import { hasViewerLink } from '../auth/viewer-link.ts'
import type { Look } from '../view/look.ts'
import { noticePage } from '../view/messages.ts'
import type { DeniedReads } from './denied-reads.ts'
import { senderOf } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import { readPreferences } from './preferences.ts'
import { respondToViewer } from './respond-to-viewer.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** Ends a viewer's session. Called for a POST from the page's own site. */
export type SignOut = (request: Request) => Response | Promise<Response>

/** Who sends a request, as far as the server tells. */
export interface Sender {
  /** The address at the other end of the connection. */
  readonly peer: string | undefined
  /** The path of the address, with what a framework took off. */
  readonly path: string
  /** The fields of a form, where a framework has read the body before. */
  readonly form: unknown
}

export interface ReceptionOptions {
  readonly services: PageServices
  readonly authorize: Authorize
  readonly signOut: SignOut | undefined
  /** Undefined: no tokens are taken. */
  readonly tokens: ApiTokens | undefined
  readonly deniedReads: DeniedReads
}

/** Different mistakes in `authorize` that are warned of. Each is warned of once. */
const MAX_WARNINGS = 10

/** Lets viewers in, and turns everybody else away. */
export class Reception {
  readonly #options: ReceptionOptions
  readonly #warnings = new Set<string>()

  constructor(options: ReceptionOptions) {
    this.#options = options
  }

  async respond(request: Request, sender: Sender): Promise<Response> {
    const { services } = this.#options
    try {
      const response = letFrame(await this.#respond(request, sender), services.look.ancestors)
      if (request.method !== 'HEAD') return response
      await response.body?.cancel() // else a stream would stay open that nobody reads
      return new Response(null, response)
    } catch (error) {
      // The message may quote an entry or the address, so only the place is logged.
      const fault = error instanceof AuditError ? error.message : 'see the stack'
      const stack =
        error instanceof Error && !(error instanceof AuditError) ? stackFrames(error) : []
      services.logger.error({ fault, stack }, 'audit page: a request failed')
      const message = 'Internal error. Details are in the server log.'
      return refuse(request, { status: 500, code: 'internal', message })
    }
  }

  async #respond(request: Request, { peer, path, form }: Sender): Promise<Response> {
    const { services, signOut } = this.#options
    const { searchParams: parameters } = new URL(request.url)
    if (path.endsWith('/openapi.json')) parameters.set('openapi', '1')
    if (signOut && request.method === 'POST' && parameters.has('sign-out')) {
      return isForeign(request)
        ? textResponse('Sign out with the button on the page.', 403)
        : await signOut(request)
    }
    const isForm =
      request.method === 'POST' && services.sharedViews !== undefined && isFormBody(request)
    if (!isForm && request.method !== 'GET' && request.method !== 'HEAD') return notAllowed(request)
    if (isForm && !isFromOwnSite(request)) {
      const message = 'A view is shared with the form of this page.'
      return refuse(request, { status: 403, code: 'forbidden', message })
    }
    const asset = assetResponse(request, parameters, services.look.css)
    if (asset) return asset
    const admission = await this.#admit(request)
    if (admission.kind !== 'viewer') return await this.#turnAway(admission, request, peer)
    const { viewer } = admission
    const misfit = await this.#misfitOf(viewer)
    if (misfit) return await this.#turnAway(misfit, request, peer)
    const by = this.#wayOf(request, path)
    const viewerRequest: ViewerRequest = { request, parameters, viewer, by, peer, path }
    if (!isForm) return await respondToViewer(services, viewerRequest)
    const fields = await readForm(request, form)
    if (
      !services.sharedViews?.isSharedWith(viewer, by) ||
      !(fields?.has('save') || fields?.has('forget'))
    ) {
      return notAllowed(request)
    }
    for (const name of new Set(fields.keys())) parameters.delete(name)
    for (const [name, value] of fields) parameters.append(name, value)
    return await respondToViewer(services, viewerRequest)
  }

  /** By a token of ours where the request brings one, else as the application says. */
  async #admit(request: Request): Promise<Admission> {
    const { authorize, tokens } = this.#options
    const bearer = tokens && bearerOf(request)
    if (tokens === undefined || bearer === undefined) {
      return await authorizeRequest(authorize, request)
    }
    return await tokens.admit(request, bearer)
  }

  #wayOf(request: Request, path: string): ViewerRequest['by'] {
    if (this.#options.tokens !== undefined && bearerOf(request) !== undefined) return 'token'
    return hasViewerLink(path) || hasViewerLink(new URL(request.url).pathname) ? 'link' : 'session'
  }

  /** Closes the page where `onlyEventId` is none of this database's ids. */
  async #misfitOf({ onlyEventId }: AdmittedViewer) {
    if (onlyEventId === undefined || isUuid(onlyEventId)) return undefined
    // Where the database does not answer, the page itself says so.
    const ids = await idKindOf(this.#options.services.db).catch(() => undefined)
    return ids === 'uuid' ? unclear('its onlyEventId is no UUID') : undefined
  }

  async #turnAway(
    admission: Exclude<Admission, { kind: 'viewer' }>,
    request: Request,
    peer: string | undefined,
  ): Promise<Response> {
    if (admission.kind === 'response') return admission.response
    const { look } = this.#options.services
    if (admission.kind === 'nobody') return await unauthorized(request, look)
    if (admission.kind === 'denied') {
      const { denied, response } = admission.denied
      this.#options.deniedReads.note(denied, senderOf({ request, peer }))
      return response ?? (await unauthorized(request, look))
    }
    this.#warn(admission.problem)
    if (wantsJson(request)) {
      const message = 'The application does not say what you may see. Its log says what is missing.'
      return jsonRefusal({ status: 403, code: 'forbidden', message })
    }
    const { theme, words } = readPreferences(request, look)
    const html = noticePage({
      title: words.say('mayNotRead'),
      message: words.say('viewerUnclear'),
      ...{ theme, words, look },
    })
    return await htmlResponse(html, 403)
  }

  #warn(problem: string): void {
    if (this.#warnings.has(problem) || this.#warnings.size >= MAX_WARNINGS) return
    this.#warnings.add(problem)
    this.#options.services.logger.warn({ problem }, 'audit page: closed, because of authorize')
  }
}

function notAllowed(request: Request): Response {
  const message = 'Only GET and HEAD are allowed.'
  const headers = { allow: 'GET, HEAD' }
  return refuse(request, { status: 405, code: 'method-not-allowed', message, headers })
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
async function unauthorized(request: Request, look: Look): Promise<Response> {
  if (wantsJson(request)) {
    const message = 'Sign in to the application, or send a token: Authorization: Bearer …'
    return jsonRefusal({ status: 401, code: 'unauthorized', message })
  }
  const isCrossSite = request.headers.get('sec-fetch-site') === 'cross-site'
  const { theme, words } = readPreferences(request, look)
  const html = noticePage({
    title: words.say(isCrossSite ? 'oneMoment' : 'signInFirst'),
    message: words.say(isCrossSite ? 'checking' : 'signInHint'),
    ...{ theme, words, look },
    refreshAfterS: isCrossSite ? 0 : undefined,
  })
  return htmlResponse(html, 401)
}
