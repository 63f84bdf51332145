import {
  compareTimes,
  type FieldState,
  history,
  type TargetComparison,
  type TargetHistory,
} from '../../timeline/index.ts'
import { comparisonJson, historyJson } from '../api/history-json.ts'
import { jsonResponse, wantsJson } from '../http/refusals.ts'
import { htmlResponse } from '../http/responses.ts'
import type { AskedHistory } from '../query/history.ts'
import { wholePage } from '../view/frame/whole-page.ts'
import { targetView } from '../view/target/target-view.ts'
import type { ViewState } from '../view/view-state.ts'
import { namesIn } from './name-lookup.ts'
import { noteRead } from './note-read.ts'
import type { PageServices } from './page-services.ts'
import type { ViewerRequest } from './viewer-request.ts'

/** The history of one thing, as far as the viewer may see its entries. */
export async function historyResponse(
  { db, recording, lookUpNames }: PageServices,
  viewerRequest: ViewerRequest,
  viewWithoutNames: ViewState,
  { targetId, atMs, sinceMs }: AskedHistory,
): Promise<Response> {
  const { query } = viewWithoutNames
  const { viewer } = viewerRequest
  const target = { targetId, seenBy: viewer.seenBy }
  const comparison =
    sinceMs === undefined
      ? undefined
      : await compareTimes(db, { ...target, from: sinceMs, to: atMs ?? viewWithoutNames.nowMs })
  const found =
    comparison?.to ??
    (await history(db, { ...target, at: atMs, cursor: query.cursor, limit: query.limit }))
  const entries = found.line.map(({ entry }) => entry)
  // Each id stands in an entry that the viewer sees, but for that of the address, if none has it.
  const isThere = entries.length > 0 || found.fields.length > 0
  const more = [...(isThere ? [found.targetId] : []), ...tellers(found, comparison)]
  const nameOf = await namesIn(entries, { lookUpNames, viewer, more })
  await noteRead(recording, viewerRequest, {
    read: 'history',
    query,
    details: {
      history: found.targetId,
      at: found.at.toISOString(),
      ...(comparison ? { since: comparison.from.at.toISOString() } : {}),
      shown: { entries: entries.length, newest: entries[0]?.id, oldest: entries.at(-1)?.id },
    },
  })
  if (wantsJson(viewerRequest.request)) {
    return jsonResponse(comparison ? comparisonJson(comparison) : historyJson(found))
  }
  const view: ViewState = { ...viewWithoutNames, nameOf }
  return htmlResponse(wholePage(view, { main: targetView(view, found, comparison) }))
}

/** Who wrote the entries that the fields name. */
function tellers(found: TargetHistory, comparison: TargetComparison | undefined): string[] {
  const ofField = ({ since, doubt, next }: FieldState) => [
    ...[since, doubt?.told.entry, doubt?.found.entry, next?.entry],
  ]
  const fields = [...found.fields, ...(comparison?.from.fields ?? [])]
  const named = [found.life.entry, ...fields.flatMap(ofField)]
  return named.flatMap((entry) => (entry ? [entry.userId, entry.actorId] : [])).filter(isText)
}

function isText(id: string | null): id is string {
  return id !== null
}
