import { isFromOwnSite } from '../http/foreign.ts'
import { cookieHeader, isTls, readCookie } from '../http/cookies.ts'
import { redirectResponse } from '../http/responses.ts'
import { href, savedParameters } from '../query/address.ts'
import type { Query } from '../query/query.ts'
import {
  addressOf,
  cookieOf,
  MAX_VIEW_NAME,
  MAX_VIEWS,
  viewName,
  viewsIn,
  withoutView,
  withView,
} from '../query/saved-views.ts'
import { isNotKept, MAX_SHARED_VIEWS, type SharedViews } from './shared-views.ts'
import type { AdmittedViewer } from '../auth/viewer.ts'

export const VIEWS_COOKIE = 'audit_views'
const A_YEAR_S = 365 * 86_400
const NO_NAME = `save must be a name of 1 to ${MAX_VIEW_NAME} characters.`
const NOTHING = 'There is nothing to save: the page shows all entries.'
const FOREIGN = 'A view is saved with the form of this page.'
const FULL = `There are ${MAX_SHARED_VIEWS} shared views, which is the most. Remove one first.`
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * The answer to the form that saves a view in the browser or forgets one: a cookie, and a redirect to the view.
 *
 * @returns undefined where the address does neither; a message where it cannot be done
 */
export function changeOwnViews(
  request: Request,
  parameters: URLSearchParams,
  { given, problems }: Query,
): Response | string | undefined {
  const [saved, forgotten] = [parameters.get('save'), parameters.get('forget')]
  if (saved === null && forgotten === null) return undefined
  if (!isFromOwnSite(request)) return FOREIGN
  const before = viewsIn(readCookie(request, VIEWS_COOKIE))
  let views = withoutView(before, forgotten ?? '')
  if (saved !== null) {
    const name = viewName(saved)
    if (name === undefined) return NO_NAME
    if (problems.size > 0) return undefined // the page says what is wrong with the filter
    if (savedParameters(given).length === 0) return NOTHING
    views = withView(views, name, given)
  }
  const value = cookieOf(views)
  if (value === undefined) {
    return `A browser keeps ${MAX_VIEWS} views, and 3,500 characters of them. Remove one first.`
  }
  const maxAgeS = views.length === 0 ? 0 : A_YEAR_S
  const cookie = cookieHeader({ name: VIEWS_COOKIE, value, maxAgeS, secure: isTls(request) })
  return redirectResponse(href(given), { 'set-cookie': cookie })
}

export interface ViewChange {
  readonly parameters: URLSearchParams
  readonly viewer: AdmittedViewer
  /** For the context of the entry about it. */
  readonly who: Readonly<Record<string, unknown>>
}

/**
 * The answer to the form that saves a shared view or removes one: a redirect to the view. That it came from the
 * page's own site was looked at before its body was read.
 *
 * @param query as far as its viewer may ask
 * @returns a message where it cannot be done
 * @throws {AuditError} where the database does not answer
 */
export async function changeSharedViews(
  shared: SharedViews,
  { parameters, viewer, who }: ViewChange,
  { given }: Query,
): Promise<Response | string> {
  const removed = parameters.get('forget')
  try {
    if (removed !== null) {
      // One that is not there any more was removed by somebody else.
      if (UUID.test(removed)) await shared.remove(viewer, removed, who)
      return redirectResponse(href(given))
    }
    const name = viewName(parameters.get('save') ?? '')
    if (name === undefined) return NO_NAME
    if (savedParameters(given).length === 0) return NOTHING
    const problem = await shared.save(viewer, { name, given, who })
    if (problem === undefined) return redirectResponse(addressOf(given))
    if (problem.kind === 'unseen') return 'This view asks for what you may not see.'
    if (problem.kind === 'full') return FULL
    const { by = 'Somebody else' } = problem
    return `${by} shares a view of this name. Choose another name, or remove that view first.`
  } catch (error) {
    if (isNotKept(error)) return 'This database keeps no shared views. Save it in your browser.'
    throw error
  }
}
