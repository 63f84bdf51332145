import type {
  PlannedAction,
  PlannedPartition,
  RetentionPlan,
  WaitingDrop,
} from '../../retention/retention-plan.ts'

const FOR_EVER = 'kept forever'

/** The plan for people. */
export function planText({ lineAt, next, partitions, waiting }: RetentionPlan): string {
  const goes = partitions.reduce((sum, one) => sum + one.goes, 0)
  const lines = [
    `retention line  ${lineAt === null ? 'none: nothing was ever removed' : `${day(lineAt)}; what is staged from before it becomes a dead letter`}`,
    `next due        ${next === null ? 'nothing: no policy, or no partition' : `${day(next.at)}, ${next.partition}`}`,
    '',
    ...partitions.flatMap(partitionLines),
    ...waiting.map(waitingLine),
    ...(waiting.length > 0 ? [''] : []),
    goes === 0
      ? 'Nothing is due.'
      : `${goes} entries would go. Nothing was changed; "audit-relay retention --apply" removes them.`,
  ]
  return `${lines.join('\n')}\n`
}

function partitionLines({
  partition,
  from,
  to,
  rows,
  bytes,
  goes,
  held,
  actions,
  cursors,
}: PlannedPartition): readonly string[] {
  const span = from === null || to === null ? '' : ` (${day(from)} to ${day(to)})`
  const kept = held > 0 ? `, ${held} stay by a hold alone` : ''
  const size = `${(bytes / 1024 / 1024).toFixed(1)} MiB`
  return [
    `${partition}${span}: ${goes} of ${rows} entries go${kept}; ${size}`,
    ...actions.map(actionLine),
    ...cursors.map(
      ({ name, seq, waits }) =>
        `  reader ${name} is at seq ${seq}: ${waits ? 'the partition stays until it has read on' : 'not waited for'}`,
    ),
    '',
  ]
}

function actionLine({ action, rows, keep, due, held }: PlannedAction): string {
  const policy = keep === null ? FOR_EVER : `kept for ${keep}`
  const goes = due === 0 ? 'stays' : `${due - held} of ${rows} go`
  return `  ${action}: ${policy}, ${goes}${held > 0 ? `, ${held} on hold` : ''}`
}

function waitingLine({ partition, removed, dropAt, isDue, heldSince }: WaitingDrop): string {
  const undo = `audit-relay retention undo ${partition}`
  if (heldSince > 0) {
    return `${partition}: ${heldSince} of ${removed} removed entries are on hold now and are not dropped; bring them back: ${undo}`
  }
  const when = isDue ? 'by the next --apply' : `from ${dropAt.slice(0, 16)}Z on`
  return `${partition}: ${removed} removed entries are dropped ${when}; to bring them back: ${undo}`
}

function day(instant: string): string {
  return instant.slice(0, 10)
}
