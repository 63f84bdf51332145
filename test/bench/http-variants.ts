import type { TurnSample } from './http-scene.ts'
import type { WayName } from './http-ways.ts'

export interface Variant {
  readonly way: WayName
  /** The application and the load on one processor, the database and the relay on another. */
  readonly isPinned?: boolean
}

/** By the names that they are shown by. */
export const VARIANTS = {
  'un-audited': { way: 'nothing' },
  'record() alone, not encoded': { way: 'recordOnly' },
  'record() and encoding, nothing sent': { way: 'recordAndEncode' },
  'record(), Postgres and relay on the same cores': { way: 'record' },
  'un-audited, on one core': { way: 'nothing', isPinned: true },
  'record(), Postgres and relay on another core': { way: 'record', isPinned: true },
  'one pino line': { way: 'pino' },
  'one INSERT, postgres.js': { way: 'postgres' },
  'one INSERT, Drizzle': { way: 'drizzle' },
} as const satisfies Readonly<Record<string, Variant>>

export type VariantName = keyof typeof VARIANTS

/** A load that does not saturate, audited and not. */
export interface FixedRate {
  readonly requestsPerSecond: number
  readonly seconds: number
  readonly anchor: TurnSample
  readonly audited: TurnSample
}
