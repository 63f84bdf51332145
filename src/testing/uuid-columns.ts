import { isUuid } from '../ids/uuid.ts'

const FIELDS = {
  ...({ user_id: 'userId', event_id: 'eventId', target_id: 'targetId' } as const),
  ...({ actor_id: 'actorId' } as const),
}

type Row = Record<string, unknown>

/** Does to an encoded entry what a database with uuid columns does to its ids. */
export function keepUuids(row: Row): void {
  const context: Row = { ...Object(row['context']) }
  for (const [column, field] of Object.entries(FIELDS)) {
    const id = row[column]
    if (typeof id !== 'string') continue
    if (isUuid(id)) {
      row[column] = id.toLowerCase()
      continue
    }
    delete row[column]
    keep(row, context, field, id)
  }
  const { more_targets: list } = row
  if (!Array.isArray(list)) return
  const fit = list.filter(isUuid).map((id) => id.toLowerCase())
  if (fit.length > 0) row['more_targets'] = fit
  else delete row['more_targets']
  const unfit = list.filter((id) => !isUuid(id))
  if (unfit.length === 0) return
  const before: unknown = Reflect.get(Object(context['invalid']), 'moreTargets')
  keep(row, context, 'moreTargets', [...(Array.isArray(before) ? before : []), ...unfit])
}

function keep(row: Row, context: Row, field: string, given: unknown): void {
  const marks = Array.isArray(context['degraded']) ? context['degraded'] : []
  const mark = `${field}.invalid`
  context['degraded'] = marks.includes(mark) ? marks : [...marks, mark]
  context['invalid'] = { ...Object(context['invalid']), [field]: given }
  row['context'] = context
}

export function isMarked(row: Row): boolean {
  return Array.isArray(Reflect.get(Object(row['context']), 'degraded'))
}
