import type { GivenEntry } from '../support/log-entries.ts'

/** The moment at which the questions are asked: a Thursday. */
export const ASKED_MS = Date.parse('2026-05-07T12:00:00Z')

const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`

export const IDS = {
  lovelace: id(1),
  byron: id(2),
  king: id(3),
  maria: id(4),
  linus: id(5),
  grace: id(6),
  zapier: id(11),
  robot: id(12),
  acme: id(21),
  globex: id(22),
  order: id(31),
  invoice: id(32),
  mill: id(33),
  barn: id(34),
} as const

/** What the application calls them. Three people are called Ada. */
export const NAMES: ReadonlyMap<string, string> = new Map([
  [IDS.lovelace, 'Ada Lovelace'],
  [IDS.byron, 'Ada Byron'],
  [IDS.king, 'Ada King'],
  [IDS.maria, 'Maria Santos'],
  [IDS.linus, 'Linus Berg'],
  [IDS.grace, 'Grace Hopper'],
  [IDS.zapier, 'Zapier key'],
  [IDS.robot, 'Report agent'],
  [IDS.acme, 'Acme'],
  [IDS.globex, 'Globex'],
  [IDS.mill, 'Old Mill'],
])

/** The application's `find`: every name that begins with the text, or has a word that does. */
export async function findByName(text: string): Promise<readonly string[]> {
  const wanted = text.toLowerCase()
  return [...NAMES]
    .filter(([, name]) => {
      const words = name.toLowerCase()
      return words.startsWith(wanted) || words.split(' ').includes(wanted)
    })
    .map(([found]) => found)
}

const EMAIL = 'maria@x.example'
const at = (time: string) => Date.parse(`${time}Z`)
const from = (ip: string) => ({ context: { ip } })

/** A log of three people called Ada, their customer Maria, and what happened to Maria's order. */
export const SMALL_LOG = {
  planChanged: {
    ms: at('2025-12-24T18:00'),
    action: 'plan.change',
    userId: IDS.maria,
    eventId: IDS.acme,
    metadata: { plan: { from: 'free', to: 'gold' } },
    ...from('203.0.113.7'),
  },
  downloaded: {
    ms: at('2026-04-20T13:00'),
    action: 'customer.download',
    userId: IDS.linus,
    eventId: IDS.acme,
    requestId: 'req-12',
    metadata: { file: 'customers.csv' },
  },
  ordered: {
    ms: at('2026-05-01T09:00'),
    action: 'order.create',
    userId: IDS.maria,
    eventId: IDS.acme,
    targetId: IDS.order,
    entityType: 'order',
    metadata: { email: EMAIL, number: 'ORD-1001', plan: 'gold', cents: 4_500 },
    ...from('203.0.113.7'),
  },
  paid: {
    ms: at('2026-05-01T09:05'),
    action: 'invoice.pay',
    userId: IDS.maria,
    eventId: IDS.acme,
    targetId: IDS.invoice,
    metadata: { invoice: 'INV-2026-0042', cents: 4_500 },
    ...from('203.0.113.7'),
  },
  refundDenied: {
    ms: at('2026-05-02T10:00'),
    action: 'refund.issue',
    userId: IDS.grace,
    eventId: IDS.acme,
    targetId: IDS.order,
    outcome: 'denied',
    metadata: { cents: 4_500, reason: 'over the limit' },
    ...from('10.0.0.5'),
  },
  refunded: {
    ms: at('2026-05-03T08:00'),
    action: 'refund.issue',
    userId: IDS.lovelace,
    eventId: IDS.acme,
    targetId: IDS.order,
    metadata: { cents: 2_250, customer: { email: EMAIL } },
    ...from('10.1.2.3'),
  },
  emailChanged: {
    ms: at('2026-05-03T15:00'),
    action: 'user.update',
    userId: IDS.maria,
    actorId: IDS.grace,
    eventId: IDS.acme,
    targetId: IDS.maria,
    metadata: { email: { from: EMAIL, to: 'maria@y.example' } },
    ...from('10.0.0.5'),
  },
  roleChanged: {
    ms: at('2026-05-04T11:00'),
    action: 'member.role_change',
    userId: IDS.lovelace,
    eventId: IDS.acme,
    targetId: IDS.linus,
    metadata: { field: 'role', from: 'viewer', to: 'admin' },
    ...from('198.51.100.4'),
  },
  loginFailed: {
    ms: at('2026-05-05T22:10'),
    action: 'session.create',
    userId: IDS.linus,
    outcome: 'failed',
    metadata: { method: 'password' },
    ...from('192.0.2.55'),
  },
  loggedIn: {
    ms: at('2026-05-05T22:12'),
    action: 'session.create',
    userId: IDS.linus,
    metadata: { method: 'sso' },
    ...from('192.0.2.55'),
  },
  keyCreated: {
    ms: at('2026-05-06T07:30'),
    action: 'api_key.create',
    userId: IDS.linus,
    eventId: IDS.acme,
    targetId: IDS.zapier,
    metadata: { name: 'Zapier', scopes: ['read', 'write'] },
  },
  guestsExported: {
    ms: at('2026-05-06T07:45'),
    action: 'guest.export',
    userId: IDS.linus,
    actorId: IDS.zapier,
    actorKind: 'api_key',
    eventId: IDS.acme,
    metadata: { rows: 1_200, format: 'csv' },
    context: { ip: '2001:db8::1', userAgent: 'Zapier/1.0' },
  },
  venueDeleted: {
    ms: at('2026-05-06T09:00'),
    action: 'venue.delete',
    userId: IDS.byron,
    eventId: IDS.globex,
    targetId: IDS.mill,
    moreTargets: [IDS.barn],
    entityType: 'venue',
  },
  venueRenamed: {
    ms: at('2026-05-06T10:00'),
    action: 'venue.update',
    userId: IDS.byron,
    eventId: IDS.globex,
    targetId: IDS.barn,
    entityType: 'venue',
    metadata: { name: { before: 'Red Barn', after: 'Blue Barn' } },
  },
  flagToggled: {
    ms: at('2026-05-06T16:00'),
    action: 'feature_flag.toggle',
    userId: IDS.king,
    eventId: IDS.globex,
    metadata: { flag: 'dark_mode', enabled: true },
  },
  mfaOff: {
    ms: at('2026-05-07T08:00'),
    action: 'settings.update',
    userId: IDS.lovelace,
    eventId: IDS.acme,
    metadata: {
      settings: { from: { mfa: true, colour: 'red' }, to: { mfa: false, colour: 'red' } },
    },
    ...from('::ffff:10.0.0.9'),
  },
  reportBegun: {
    ms: at('2026-05-07T09:00'),
    action: 'report.export',
    userId: IDS.lovelace,
    actorId: IDS.robot,
    actorKind: 'agent',
    requestId: 'req-77',
    outcome: 'attempted',
  },
  reportDone: {
    ms: at('2026-05-07T09:01'),
    action: 'report.export',
    userId: IDS.lovelace,
    actorId: IDS.robot,
    actorKind: 'agent',
    requestId: 'req-77',
  },
  logRead: {
    ms: at('2026-05-07T10:00'),
    action: 'audit.read',
    userId: IDS.grace,
    metadata: { read: 'page', filter: {} },
    context: { viewer: 'Grace Hopper' },
  },
  dropped: {
    ms: at('2026-05-07T11:00'),
    action: 'audit.drop',
    metadata: { dropped: { full: 3 } },
  },
  memberRemoved: {
    ms: at('2026-05-07T11:30'),
    action: 'member.remove',
    userId: IDS.lovelace,
    eventId: IDS.acme,
    targetId: IDS.maria,
    metadata: { reason: 'left the company' },
    ...from('198.51.100.4'),
  },
} as const satisfies Record<string, GivenEntry>

export type Label = keyof typeof SMALL_LOG
export const LABELS = Object.keys(SMALL_LOG) as readonly Label[]
