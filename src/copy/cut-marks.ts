/** The key of the mark in a cut object. */
export const CUT_KEY = '…'

const LEFT_OUT = /^\[cut: (\d{1,12})( or more)? (key|value)s?\]$/
const ITEMS = /^…\[cut: \d{1,12} items\]$/

/** How many keys or values were left out of an object. */
export interface LeftOut {
  readonly count: number
  readonly unit: 'key' | 'value'
  /** Whether nobody counted to the end. */
  readonly hasMore: boolean
}

/** The mark in a cut object. */
export function leftOutMark({ count, unit, hasMore }: LeftOut): string {
  return `[cut: ${count}${hasMore ? ' or more' : ''} ${unit}${count === 1 ? '' : 's'}]`
}

/** What the mark of an object says; undefined for any other value. */
export function leftOutBefore(mark: unknown): LeftOut | undefined {
  const [, count, more, unit] = (typeof mark === 'string' && LEFT_OUT.exec(mark)) || []
  if (count === undefined) return undefined
  const hasMore = more !== undefined
  return { count: Number(count), unit: unit === 'value' ? 'value' : 'key', hasMore }
}

/** The mark at the end of a cut list: how many items it had. */
export function itemsMark(items: number): string {
  return `…[cut: ${items} items]`
}

/** Whether the last item of a list is the mark of a cut. */
export function isItemsMark(item: unknown): item is string {
  return typeof item === 'string' && ITEMS.test(item)
}
