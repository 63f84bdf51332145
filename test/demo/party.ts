import { randomUUID } from 'node:crypto'
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import { GUESTS } from './people.ts'
import { event, feature, guest, purchase } from './tables.ts'

/**
 * The event of this run. Each run makes a new one, so that its entries can be told from older ones.
 */
export interface Party {
  readonly id: string
  readonly name: string
  readonly guests: readonly { readonly id: string; readonly name: string }[]
  readonly purchases: readonly { readonly id: string; readonly paidCents: number }[]
}

export const FLAGS = ['dark_mode', 'seating_plan', 'live_polls', 'photo_wall'] as const

export async function makeParty(db: NodePgDatabase): Promise<Party> {
  const eventId = randomUUID()
  const name = 'Harbour Lights Gala'
  const guests = GUESTS.map((guestName) => ({ id: randomUUID(), eventId, name: guestName }))
  const purchases = guests.map((_, at) => ({
    id: randomUUID(),
    eventId,
    paidCents: 4_500 + 500 * (at % 12),
  }))
  await db.insert(event).values({ id: eventId, name, primaryColor: '#1d4ed8' })
  await db.insert(guest).values(guests)
  await db.insert(purchase).values(purchases)
  await db.insert(feature).values(FLAGS.map((flag) => ({ eventId, flag, isOn: false })))
  return { id: eventId, name, guests, purchases }
}
