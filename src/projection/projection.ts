import { type AuditId, MAX_TEXT_CHARACTERS } from '../entry.ts'
import { digitsOf } from '../ids/digits.ts'

/** Columns that a reader can be kept from seeing. `recorder` is the recorder and its number. */
export const HIDEABLE = [
  ...(['userId', 'actorId', 'actorKind', 'eventId', 'targetId', 'moreTargets'] as const),
  ...(['entityType', 'requestId', 'writtenBy', 'recorder', 'metadata', 'context'] as const),
] as const
export type HideableColumn = (typeof HIDEABLE)[number]
/** A column, or a field of the metadata or the context: `context.ip`, `metadata.card.number`. */
export type HiddenField = HideableColumn | `metadata.${string}` | `context.${string}`

/**
 * What a reader may see of the log. Whatever shows, counts, searches, follows or exports for them obeys
 * it, because the log's own columns are replaced by what they may see before anything else looks.
 */
export interface Projection {
  /** The only event whose entries they see. Default: those of every event. */
  readonly onlyEventId?: AuditId | undefined
  /**
   * What they do not see of an entry. A list on the way to a field stands for each of its items. At most
   * 50, a field with up to 4 keys.
   */
  readonly hides?: readonly HiddenField[] | undefined
  /**
   * The name in the place of staff, 1 to 64 characters: each id in `actorId` without a kind, which
   * is a person who acts for a user, and the ids of `staff`. Their ids are left out, and the context of
   * what they did.
   */
  readonly staffAs?: string | undefined
  /** Ids of staff, as users, actors and targets. With `staffAs`. At most 500. */
  readonly staff?: readonly AuditId[] | undefined
  /**
   * Actions that they see, `refund.*`, or with a minus that they do not see, `-internal.*`. `*` stands for
   * any text. At most 50.
   */
  readonly actions?: readonly string[] | undefined
}

/** A projection that was checked. Its ids are text. It is plain JSON. */
export interface CheckedProjection {
  readonly onlyEventId?: string
  readonly hides?: readonly HiddenField[]
  readonly staffAs?: string
  readonly staff?: readonly string[]
  readonly actions?: readonly string[]
}

export const PROJECTION_NAMES = ['onlyEventId', 'hides', 'staffAs', 'staff', 'actions'] as const

const MOST_HIDDEN = 50
const MOST_KEYS = 4
const MOST_STAFF = 500
const MOST_ACTIONS = 50
const MAX_ACTION_CHARACTERS = 129
const MAX_NAME_CHARACTERS = 64

/**
 * Checks each value.
 *
 * @param refuse makes the error of what is wrong with one, as in "its staffAs is no text"
 */
export function checkProjection(
  given: Readonly<Record<string, unknown>>,
  refuse: (problem: string) => Error,
): CheckedProjection {
  const { onlyEventId, hides, staffAs, staff, actions } = given
  if (staff !== undefined && staffAs === undefined) throw refuse('its staff has no staffAs')
  return {
    ...(onlyEventId === undefined ? {} : { onlyEventId: idOf(onlyEventId, 'onlyEventId', refuse) }),
    ...(hides === undefined ? {} : { hides: checkHides(hides, refuse) }),
    ...(staffAs === undefined ? {} : { staffAs: checkName(staffAs, refuse) }),
    ...(staff === undefined ? {} : { staff: checkStaff(staff, refuse) }),
    ...(actions === undefined ? {} : { actions: checkActions(actions, refuse) }),
  }
}

type Refuse = (problem: string) => Error

function listOf(given: unknown, name: string, most: number, refuse: Refuse): readonly unknown[] {
  if (!Array.isArray(given)) throw refuse(`its ${name} is no list`)
  if (given.length > most) throw refuse(`its ${name} has more than ${most} items`)
  return [...given]
}

function idOf(given: unknown, name: string, refuse: Refuse): string {
  const text = typeof given === 'string' ? given : (digitsOf(given) ?? '')
  if (text === '' || text.length > MAX_TEXT_CHARACTERS) throw refuse(`its ${name} is no id`)
  return text
}

function checkHides(given: unknown, refuse: Refuse): readonly HiddenField[] {
  return listOf(given, 'hides', MOST_HIDDEN, refuse).map((field) => {
    if (typeof field === 'string' && isHideable(field)) return field
    throw refuse(
      `its hides has an item that is none of ${HIDEABLE.join(', ')}, and no field of the metadata or ` +
        `the context with 1 to ${MOST_KEYS} keys, such as context.ip`,
    )
  })
}

function isHideable(field: string): field is HiddenField {
  if (HIDEABLE.some((name) => name === field)) return true
  const [column, ...keys] = field.split('.')
  if (column !== 'metadata' && column !== 'context') return false
  const isLong = field.length > MAX_TEXT_CHARACTERS || keys.length > MOST_KEYS
  return keys.length > 0 && !isLong && keys.every((key) => key !== '' && !key.includes('\0'))
}

function checkName(given: unknown, refuse: Refuse): string {
  const isName = typeof given === 'string' && /^[^\p{C}]{1,64}$/u.test(given)
  if (isName && given.trim() === given) return given
  throw refuse(`its staffAs is no name of 1 to ${MAX_NAME_CHARACTERS} characters`)
}

function checkStaff(given: unknown, refuse: Refuse): readonly string[] {
  return listOf(given, 'staff', MOST_STAFF, refuse).map((id) => idOf(id, 'staff', refuse))
}

function checkActions(given: unknown, refuse: Refuse): readonly string[] {
  return listOf(given, 'actions', MOST_ACTIONS, refuse).map((pattern) => {
    const isPattern =
      typeof pattern === 'string' && /^-?[^\s\0%'"`;\\-][^\s\0%'"`;\\]*$/.test(pattern)
    if (isPattern && pattern.length <= MAX_ACTION_CHARACTERS) return pattern
    throw refuse(
      'its actions has an item that is no action or pattern, such as refund.* or -internal.*',
    )
  })
}

/** Whether it leaves out entries, and not only parts of them. */
export function leavesOutEntries({ onlyEventId, actions = [] }: Projection): boolean {
  return onlyEventId !== undefined || actions.length > 0
}

/** Fields in which entries name their people, and those that take these with them. */
const NAMING = /^(?:userId|actorId|context(?:\.(?:user|actor)(?:\..*)?)?)$/s

/**
 * Whether it may leave out who somebody is: then a name of theirs that was taken from an entry as it is
 * stored could be one that the reader does not see.
 */
export function hidesNames({ hides = [], staffAs, actions = [] }: Projection): boolean {
  return staffAs !== undefined || actions.length > 0 || hides.some((field) => NAMING.test(field))
}

/** Whether it leaves out a part of an entry, so that nothing can be shown that proves the whole one. */
export function hidesParts({ hides = [], staffAs }: Projection): boolean {
  return hides.length > 0 || staffAs !== undefined
}

const CHANGING = /^(?:targetId|moreTargets|metadata(?:\..*)?)$/s

/** Whether a reader may not find all that changed a thing: entries of it, or what they say of it. */
export function mayLackChanges(projection: Projection): boolean {
  const { hides = [], staff = [] } = projection
  // Ids of staff are left out where they are targets.
  return leavesOutEntries(projection) || staff.length > 0 || hides.some((one) => CHANGING.test(one))
}
