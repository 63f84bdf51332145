import { randomBytes } from 'node:crypto'
import type { ImportedEntry } from './imported-entry.ts'
import { FLAGS, type Party } from './party.ts'
import { HOSTS } from './people.ts'

/** One request to the site. */
export interface Visit {
  readonly method: 'POST' | 'PUT'
  readonly path: string
  readonly user?: string | undefined
  readonly body: unknown
}

export interface VisitPlan {
  readonly visits: readonly Visit[]
  /** Texts that must not be in the log afterwards. */
  readonly secrets: readonly string[]
}

const SUBJECTS = [
  'Doors open at 7',
  'Your table number',
  'Parking at the pier',
  'Thank you!',
] as const
const PROVIDERS = ['mailchimp', 'stripe', 'zapier'] as const

/**
 * Plans what the hosts do in an evening: each action many times, in random order.
 *
 * @param imports entries of another system, replayed among the rest
 */
export function planVisits(party: Party, imports: readonly ImportedEntry[]): VisitPlan {
  const event = `/events/${party.id}`
  const users = Object.keys(HOSTS)
  const visits: Visit[] = []
  const secrets: string[] = []

  const visit = (method: Visit['method'], path: string, body: unknown) => {
    visits.push({ method, path, user: pick(users, visits.length), body })
  }
  const secret = (prefix: string) => {
    const made = `${prefix}${randomBytes(9).toString('base64url')}`
    secrets.push(made)
    return made
  }

  for (const [at, { id }] of party.guests.entries()) {
    visit('POST', `${event}/guests/${id}/check-in`, { gate: pick(['A', 'B', 'C'], at) })
  }
  for (let at = 0; at < 60; at += 1) {
    visit('PUT', `${event}/branding`, { primaryColor: `#${randomBytes(3).toString('hex')}` })
    visit('POST', `${event}/features/${pick(FLAGS, at)}/toggle`, {})
    visit('POST', `${event}/messages`, { subject: pick(SUBJECTS, at) })
  }
  for (let at = 0; at < 24; at += 1) {
    const settings = { apiKey: secret('key-'), hook: `https://us:${secret('pw-')}@hooks.example` }
    const path = `${event}/integrations/${pick(PROVIDERS, at)}`
    visit('PUT', path, { account: `acct_${at}`, password: secret('pw-'), settings })
  }
  for (let at = 0; at < 80; at += 1) {
    // Every fourth address cannot be reached. The site notices that after it has written the entry.
    const domain = at % 4 === 3 ? 'nowhere.invalid' : 'harbour.example'
    visit('POST', `${event}/collaborators`, { email: `h${at}@${domain}`, access: 'edit' })
  }
  for (const [at, { id, paidCents }] of party.purchases.entries()) {
    // Every fifth refund is more than was paid. The site also notices that after the entry.
    const amountCents = at % 5 === 4 ? paidCents + 100 : paidCents / 2
    visit('POST', `${event}/purchases/${id}/refunds`, { amountCents })
  }
  for (const entry of imports) visits.push({ method: 'POST', path: '/imports', body: entry })

  return { visits: shuffled(visits), secrets }
}

/** Made-up entries of another system, for a run without real ones. */
export function madeUpImports(): readonly ImportedEntry[] {
  const scannedAtMs = Date.parse('2024-06-01T18:00:00Z')
  return Array.from({ length: 100 }, (_, at) => ({
    action: 'ticket.scan',
    userId: `gate-${1 + (at % 6)}`, // no UUID: kept as it is, in the entry's context
    requestId: `legacy-${1_000 + at}`,
    occurredAt: new Date(scannedAtMs + at * 1_700).toISOString(),
    metadata: { ticket: { code: `HLG-${2_000 + at}`, zone: null }, attempts: 1 + (at % 3) },
  }))
}

/** It has no action, so record() must refuse it. */
export const BROKEN_IMPORT: ImportedEntry = { metadata: { note: 'an entry without an action' } }

function pick<T>(choices: readonly T[], at: number): T {
  const choice = choices[at % choices.length]
  if (choice === undefined) throw new RangeError('nothing to choose from')
  return choice
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((one, other) => one.at - other.at)
    .map(({ item }) => item)
}
