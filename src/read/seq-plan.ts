import { type IdWindow, runsOf } from './id-windows.ts'
import { type LogPartition, MAX_PARTITIONS, type PartitionMap } from './partitions.ts'

/** How to read entries in the order of `seq` without touching more partitions than a statement may. */
export interface SeqPlan {
  /**
   * Together they cover every id, without what holds nothing that is asked for. As a rule there is
   * one. Where there are more, an answer is complete as far as each of them is.
   */
  readonly windows: readonly IdWindow[]
  /** The last number that the plan is good for. Undefined: all further ones. */
  readonly lastSeq: number | undefined
}

/** Fewer partitions than this are not worth a proof. */
const FEWEST_LEFT_OUT = 6

interface PlanRequest {
  readonly nextSeq: number
  readonly lastSeq?: number | undefined
}

/**
 * Plans a read from a number on.
 *
 * Partitions whose numbers are all smaller or all greater are left out, and those that are empty.
 * Where too many are left, because the read begins long ago, the plan ends before the numbers of the
 * further ones. It has several windows only where entries of more partitions than that were logged
 * in no order, as by an import, or where the catalogue does not know the numbers.
 *
 * @param isByNumber false: nothing is left out, because what is known is not to be trusted
 */
export function seqPlan(map: PartitionMap, asked: PlanRequest, isByNumber = true): SeqPlan {
  const whole = wholePlan(map, asked, isByNumber)
  if (!isByNumber || whole.windows.length === 1) return whole
  const { nextSeq } = asked
  const begins = map.partitions
    .filter((one) => mayHold(one, asked))
    .map(({ minSeq }) => minSeq ?? 0)
    .sort((one, other) => one - other)
  const overlapping = begins.filter((seq) => seq <= nextSeq).length
  const most = Math.max(1, Math.ceil(overlapping / MAX_PARTITIONS)) * MAX_PARTITIONS
  const end = begins[most]
  return end === undefined ? whole : wholePlan(map, { nextSeq, lastSeq: end - 1 }, true)
}

/** The plan for all of the numbers that are asked for, in as many windows as it takes. */
export function wholePlan(
  { partitions }: PartitionMap,
  asked: PlanRequest,
  isByNumber: boolean,
): SeqPlan {
  const { lastSeq } = asked
  const found = isByNumber ? partitions.filter((one) => mayHold(one, asked)) : partitions
  const isSmall = partitions.length <= MAX_PARTITIONS
  if (isSmall && partitions.length - found.length < FEWEST_LEFT_OUT)
    return { windows: [{}], lastSeq }
  return { windows: windowsAround(partitions, new Set(found)), lastSeq }
}

function mayHold(
  { minSeq, maxSeq, isEmpty }: LogPartition,
  { nextSeq, lastSeq }: PlanRequest,
): boolean {
  if (isEmpty) return false
  if (maxSeq !== undefined && maxSeq < nextSeq) return false
  return minSeq === undefined || lastSeq === undefined || minSeq <= lastSeq
}

/** Windows over all ids that step over the partitions that are not to be read. */
function windowsAround(
  partitions: readonly LogPartition[],
  read: ReadonlySet<LogPartition>,
): readonly IdWindow[] {
  const cuts: string[] = []
  let size = 0
  for (const partition of partitions) {
    if (!read.has(partition)) continue
    if (size === MAX_PARTITIONS) {
      cuts.push(partition.fromId)
      size = 0
    }
    size += 1
  }
  const ends = [undefined, ...cuts, undefined]
  return ends.slice(1).map((toId, at) => {
    const fromId = ends[at]
    const left = partitions.filter(
      (one) =>
        !read.has(one) &&
        (fromId === undefined || one.fromId >= fromId) &&
        (toId === undefined || one.fromId < toId),
    )
    return { fromId, toId, ...(left.length > 0 ? { stepsOver: runsOf(left) } : {}) }
  })
}
