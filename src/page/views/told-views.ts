import { createHash } from 'node:crypto'
import { asksForHidden } from '../../projection/hidden-parts.ts'
import { type CheckedProjection, hidesNames } from '../../projection/projection.ts'
import type { Term } from '../../query/log-query.ts'
import { parseQuery } from '../../query/parse-query.ts'
import type { AdmittedViewer } from '../auth/viewer.ts'
import { FIELD_NAMES, FIELDS, type GivenParameters } from '../query/address.ts'

/** Terms of which each asks for one field, or for none that can be hidden. */
const OF_ONE_FIELD: ReadonlySet<Term['kind']> = new Set([
  ...(['outcome', 'actorKind', 'time', 'seq', 'text', 'there', 'ip', 'json', 'changed'] as const),
])

type Seen = Pick<AdmittedViewer, 'seenBy'>

/**
 * What is hidden from a viewer within their events, as one text: two from whom the same is hidden have the
 * same. Empty: nothing is. Who is staff is left out, because that changes with each colleague.
 */
export function hiddenFrom({ seenBy = {} }: Seen): string {
  const { hides = [], staffAs, actions = [] } = seenBy
  if (hides.length === 0 && staffAs === undefined && actions.length === 0) return ''
  const parts = [[...hides].sort(), staffAs ?? null, [...actions].sort()]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

/**
 * Whether a viewer may be told of a shared view. What it asks for is text of the person who saved it, and may
 * be what is hidden from others: a name, an address. So those from whom more or something else is hidden than
 * from that person are told only of what asks for fields that they see.
 *
 * @param savedBy `hiddenFrom` of the person who saved it
 */
export function mayBeTold(asked: GivenParameters, savedBy: string, viewer: Seen): boolean {
  const { seenBy = {} } = viewer
  if (asksForUnseen(asked, seenBy)) return false
  const own = hiddenFrom(viewer)
  return own === '' || own === savedBy || asksForSeenFieldsAlone(asked, seenBy)
}

/** Whether it names a field that is hidden, or one of the staff. */
function asksForUnseen(asked: GivenParameters, { hides = [], staff = [] }: CheckedProjection) {
  const hidden: ReadonlySet<string> = new Set(hides)
  if (FIELD_NAMES.some((name) => asked[name] !== undefined && hidden.has(FIELDS[name]))) return true
  if (asked['history'] !== undefined && hidden.has('targetId')) return true
  const terms = lineOf(asked)?.parts.flatMap((part) => part.terms) ?? []
  if (terms.some((term) => asksForHidden(term, hidden) || namesHidden(term, hides))) return true
  const texts = Object.values(asked).map((text) => text?.toLowerCase())
  return staff.some((id) => texts.some((text) => text?.includes(id.toLowerCase())))
}

/** Whether it names a column or a field that is hidden, and perhaps others. */
function namesHidden(term: Term, hides: readonly string[]): boolean {
  if (term.kind === 'there') return term.columns.some((column) => hides.includes(column))
  if (term.kind !== 'field') return false
  const plain = (text: string) => text.replaceAll(/[^\p{L}\p{N}]/gu, '').toLowerCase()
  const name = plain(term.name)
  return hides.some((field) => field.split('.').some((key) => plain(key) === name))
}

/** Whether each part names a field, so that a text that may stand anywhere is in none. */
function asksForSeenFieldsAlone(asked: GivenParameters, seenBy: CheckedProjection): boolean {
  const tellsPeople = hidesNames(seenBy)
  if (tellsPeople && ['user', 'actor'].some((name) => asked[name] !== undefined)) return false
  const leavesOutActions = (seenBy.actions ?? []).length > 0
  if (leavesOutActions && asked['action'] !== undefined) return false
  const line = lineOf(asked)
  if (line === undefined) return true
  if (line.problems.length > 0) return false
  return line.parts.every(({ terms }) =>
    terms.every(({ kind }) => {
      if (kind === 'id') return !tellsPeople
      if (kind === 'action') return !leavesOutActions
      return OF_ONE_FIELD.has(kind)
    }),
  )
}

function lineOf({ q }: GivenParameters) {
  return q === undefined ? undefined : parseQuery(q)
}
