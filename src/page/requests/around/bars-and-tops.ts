import type { AuditDatabase } from '../../../database/callers-database.ts'
import { within } from '../../../within.ts'
import { histogram, type HistogramRequest } from '../../histogram/histogram.ts'
import { isOneRequest } from '../../histogram/split-conditions.ts'
import { type Tops, tops } from '../../histogram/tops.ts'
import type { HistogramResult } from '../../view/histogram/histogram-view.ts'

/** The page does not wait longer than this for its bars. */
const TIMEOUT_MS = 1_500

/** What is shown above the list. Neither of them rejects. */
export interface BarsAndTops {
  readonly bars: Promise<HistogramResult>
  readonly most: Promise<Tops | undefined>
}

/**
 * The entries of one request lie within a moment, so that neither says anything of them. Failed also where the database fails; that fails
 * the list, too, which reports it.
 */
export function barsAndTops(db: AuditDatabase, request: HistogramRequest): BarsAndTops {
  const failed = (): HistogramResult => 'failed'
  const none = (): Tops | undefined => undefined
  if (isOneRequest(request.filter)) {
    return { bars: Promise.resolve(undefined), most: Promise.resolve(undefined) }
  }
  return {
    bars: within(TIMEOUT_MS, histogram(db, request).catch(failed), failed),
    most: within(TIMEOUT_MS, tops(db, request).catch(none), none),
  }
}

/** The people whose names are shown. */
export function topIds(most: Tops | undefined): readonly string[] {
  return most?.people.map(({ value }) => value) ?? []
}
