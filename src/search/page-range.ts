import { idFloor, MAX_RECORDED_MS } from '../ids/uuid7.ts'
import { neighbourOf } from '../ids/uuid.ts'
import type { Walked } from './walk.ts'

/** Where a page of the search begins, and where the search itself does. */
export interface PagePlace {
  /** Ids that are asked for: from the first one on, and before the other one. */
  readonly range: { readonly fromId?: string | undefined; readonly toId?: string | undefined }
  /** The page reads on from this id, and leaves it out. */
  readonly position: string | undefined
  readonly isDescending: boolean
  /** The search may lack entries up to this id. Null: it lacks none. */
  readonly beforeId: string | null
}

/** The ids that the search is asked for. Undefined: none, because what it lacks comes first. */
export function askedRange({ range, position, isDescending, beforeId }: PagePlace) {
  let { fromId, toId } = range
  if (position !== undefined && isDescending) {
    toId = toId === undefined || position < toId ? position : toId
  } else if (position !== undefined) {
    const next = neighbourOf(position, 1)
    fromId = fromId === undefined || next > fromId ? next : fromId
  }
  if (beforeId === null) return { fromId, toId }
  const first = neighbourOf(beforeId, 1)
  if (fromId !== undefined && fromId >= first) return { fromId, toId }
  if (!isDescending || (toId !== undefined && toId <= first)) return undefined
  return { fromId: first, toId }
}

/**
 * Where a page goes on that holds all that was found. Undefined: there is nothing more. `nowhere`: it has come
 * no further than where it began.
 */
export function endOf(
  { endMs }: Walked,
  { range, position, isDescending, beforeId }: PagePlace,
): string | undefined {
  if (endMs === undefined) {
    const first = beforeId === null ? undefined : neighbourOf(beforeId, 1)
    const goesOn = isDescending && first !== undefined && (range.fromId ?? '') < first
    return goesOn ? first : undefined
  }
  if (isDescending) {
    if (endMs >= MAX_RECORDED_MS) return 'nowhere'
    const end = idFloor(endMs + 1)
    return position === undefined || end < position ? end : 'nowhere'
  }
  if (endMs === 0) return 'nowhere'
  const end = neighbourOf(idFloor(endMs), -1)
  return position === undefined || end > position ? end : 'nowhere'
}
