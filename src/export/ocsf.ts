import { isIP } from 'node:net'
import { type ExportRow, shownAsJson } from './rows.ts'

/**
 * OCSF 1.4, class Entity Management (3004): "activity by a managed client, a micro service, or a
 * user at a management console … on a managed entity". API Activity does not fit: it requires an
 * API and a source endpoint, and an entry need not have come from either. 1.4 is the first version
 * that has all of the activities below, and `actor` in the class itself.
 */
const OCSF_VERSION = '1.4.0'
const CATEGORY_UID = 3
const CLASS_UID = 3004
const INFORMATIONAL = 1
const OTHER = 99
/** The longest text of OCSF's type for an address. */
const MAX_IP_CHARACTERS = 40

/** Verbs as applications write them, by the class's own list of activities. */
const ACTIVITIES: ReadonlyMap<string, number> = new Map(
  Object.entries({
    1: ['create', 'add', 'insert', 'register', 'invite', 'import'],
    2: ['read', 'view', 'get', 'list', 'open', 'download', 'export', 'search'],
    3: ['update', 'edit', 'change', 'set', 'patch', 'replace'],
    4: ['delete', 'remove', 'destroy', 'purge'],
    5: ['move', 'rename'],
    6: ['enroll'],
    7: ['unenroll'],
    8: ['enable'],
    9: ['disable'],
    10: ['activate'],
    11: ['deactivate'],
    12: ['suspend'],
    13: ['resume'],
  }).flatMap(([id, verbs]) => verbs.map((verb) => [verb, Number(id)] as const)),
)
const NAMES = [
  '',
  'Create',
  'Read',
  'Update',
  'Delete',
  'Move',
  'Enroll',
  'Unenroll',
  'Enable',
  'Disable',
  'Activate',
  'Deactivate',
  'Suspend',
  'Resume',
]

/** One OCSF event to a line. What OCSF has no place for is under `unmapped`, as it is. */
export function ocsfLine(row: ExportRow): string {
  const [entity = '', verb = ''] = splitAction(row.action)
  const activity = ACTIVITIES.get(verb.toLowerCase()) ?? OTHER
  const loggedMs = unixMs(row.loggedAt)
  const context = JSON.parse(row.context) as Readonly<Record<string, unknown>>
  const metadata = {
    // First, because `verify-export` looks for it there.
    sequence: row.seq,
    version: OCSF_VERSION,
    product: { name: 'audit-outbox', vendor_name: 'audit-outbox' },
    uid: row.id,
    event_code: row.action,
    log_name: 'audit_log',
    logged_time: loggedMs,
    original_time: row.occurredAt,
    ...(row.eventId === null ? {} : { tenant_uid: row.eventId }),
    ...(row.requestId === null ? {} : { correlation_uid: row.requestId }),
  }
  const event = {
    metadata,
    category_uid: CATEGORY_UID,
    class_uid: CLASS_UID,
    activity_id: activity,
    activity_name: NAMES[activity] ?? (verb || row.action),
    type_uid: CLASS_UID * 100 + activity,
    severity_id: INFORMATIONAL,
    time: unixMs(row.occurredAt, loggedMs),
    message: row.action,
    entity: {
      name: row.entityType ?? (entity || row.action),
      type: row.entityType ?? (entity || row.action),
      ...(row.targetId === null ? {} : { uid: row.targetId }),
    },
    ...statusOf(row.outcome),
    ...actorOf(row),
    ...(isAddress(context['ip']) ? { src_endpoint: { ip: context['ip'] } } : {}),
  }
  const unmapped =
    `{"metadata":${row.metadata},"context":${row.context},` +
    `"written_by":${JSON.stringify(row.writtenBy)},` +
    `"recorder_id":${JSON.stringify(row.recorderId)},"recorder_seq":${row.recorderSeq}` +
    `${rareJson(row)}${row.erased ? `,"erased":${row.erased}` : ''}}`
  return `${JSON.stringify(event).slice(0, -1)},"unmapped":${unmapped}}\n`
}

/** What became of it, in the class's own words. `attempted` says nothing about the end. */
function statusOf(outcome: string | null) {
  if (outcome === null) return { status_id: 1, status: 'Success' }
  if (outcome === 'attempted') return { status_id: 0, status: 'Unknown', status_detail: outcome }
  return { status_id: 2, status: 'Failure', status_detail: outcome }
}

/**
 * The user, and what acts for him: an API key is a credential of the user, another program is an
 * application. The class has no place for a colleague who acts as the user: he is in `unmapped`.
 */
function actorOf({ userId, actorId, actorKind, shownUser, shownActor }: ExportRow) {
  const isKey = actorKind === 'api_key' && actorId !== null && userId !== null
  const isPerson = actorKind === null && userId === null && actorId !== null
  const user = {
    ...(userId === null ? {} : { uid: userId }),
    ...(isPerson ? { uid: actorId } : {}),
    ...(shownUser ? { name: shownUser } : {}),
    ...(shownActor && userId === null && !shownUser ? { name: shownActor } : {}),
    ...(isKey ? { credential_uid: actorId } : {}),
  }
  const actor = {
    ...(Object.keys(user).length === 0 ? {} : { user }),
    ...(actorKind === null ? {} : { app_name: actorKind }),
    ...(actorKind === null || actorId === null || isKey ? {} : { app_uid: actorId }),
  }
  return Object.keys(actor).length === 0 ? {} : { actor }
}

/** What few entries have, so that nothing is lost of it. */
function rareJson(row: ExportRow): string {
  const { outcome, actorId, actorKind, moreTargets } = row
  let json = ''
  if (outcome !== null) json += `,"outcome":${JSON.stringify(outcome)}`
  if (actorId !== null) json += `,"actor_id":${JSON.stringify(actorId)}`
  if (actorKind !== null) json += `,"actor_kind":${JSON.stringify(actorKind)}`
  if (moreTargets !== null) json += `,"more_targets":${moreTargets}`
  const shownAs = shownAsJson(row)
  if (shownAs !== undefined) json += `,"shown_as":${shownAs}`
  return json
}

/** A list of addresses, an address with a port and the like stay in `unmapped` alone. */
function isAddress(ip: unknown): ip is string {
  return typeof ip === 'string' && ip.length <= MAX_IP_CHARACTERS && isIP(ip) !== 0
}

function splitAction(action: string): readonly string[] {
  const dot = action.indexOf('.')
  return dot < 0 ? ['', action] : [action.slice(0, dot), action.slice(dot + 1)]
}

/** OCSF wants a whole number of milliseconds, also for a moment that has none. */
function unixMs(iso: string, fallbackMs = 0): number {
  const ms = Date.parse(iso)
  return Number.isNaN(ms) ? fallbackMs : Math.floor(ms)
}
