import type { ActorKind, Outcome } from '../entry.ts'

/** How a value of `metadata` or `context` is compared. `has`: it is there at all. `..`: between two. */
export type JsonTest = 'is' | 'has' | '<' | '<=' | '>' | '>=' | '..'

/** The columns in which an id is looked for. */
export const ID_PLACES = {
  by: ['userId', 'actorId'],
  user: ['userId'],
  actor: ['actorId'],
  on: ['targetId', 'moreTargets'],
  event: ['eventId'],
} as const
export type IdPlace = keyof typeof ID_PLACES

/** The places in which staff may be shown. */
export const STAFF_PLACES = ['by', 'user', 'actor'] as const
export type StaffPlace = (typeof STAFF_PLACES)[number]

/** A column that may be empty. */
export type ThereColumn =
  | (typeof ID_PLACES)[IdPlace][number]
  | 'requestId'
  | 'entityType'
  | 'outcome'
  | 'actorKind'

/** Addresses from the first one to the last one. */
export interface IpRange {
  readonly version: 4 | 6
  /** As `10.0.0.0/8`. */
  readonly cidr: string
}

/** A condition on an entry. */
export type Term =
  /**
   * A name, or a pattern with `*`. `entity.*` is all of an entity. `isWord`: one word of a name, or the
   * begin of one. `stems`: what is looked for in its place, `delet` for "deleted".
   */
  | {
      readonly kind: 'action'
      readonly pattern: string
      readonly isWord?: true
      readonly stems?: readonly string[]
    }
  /** `ids`: those of the names that the text stands for, where somebody has looked. */
  | {
      readonly kind: 'id'
      readonly place: IdPlace
      readonly text: string
      readonly ids?: readonly string[]
    }
  | {
      readonly kind: 'text'
      readonly column: 'requestId' | 'entityType' | 'writtenBy'
      readonly value: string
    }
  /** Null: it happened. */
  | { readonly kind: 'outcome'; readonly outcome: Outcome | null }
  /** Null: a person, or nobody. */
  | { readonly kind: 'actorKind'; readonly actorKind: ActorKind | null }
  | { readonly kind: 'ip'; readonly range: IpRange }
  | {
      readonly kind: 'json'
      readonly column: 'metadata' | 'context'
      readonly path: readonly string[]
      readonly test: JsonTest
      readonly value: string
    }
  /**
   * A field of this name, anywhere in the metadata or the context: `ordernumber` is `orderNumber` and
   * `order_number`. `isWhole`: a text is the value, and does not only hold it. `no`: it is not there.
   */
  | {
      readonly kind: 'field'
      readonly name: string
      readonly test: JsonTest | 'no'
      readonly value: string
      readonly isWhole: boolean
    }
  /** Whether one of these columns is filled, or none of them. */
  | { readonly kind: 'there'; readonly columns: readonly ThereColumn[]; readonly isThere: boolean }
  /** A person acted for the user. */
  | { readonly kind: 'impersonated' }
  /** Staff did it, whom the reader sees under one name. */
  | { readonly kind: 'staff'; readonly place: StaffPlace }
  /** The entry with this id. */
  | { readonly kind: 'entry'; readonly id: string }
  /** A field that changed. Without a path: any. */
  | { readonly kind: 'changed'; readonly path: readonly string[] }
  /** Recorded from the first moment on and before the other one, in Unix milliseconds. */
  | { readonly kind: 'time'; readonly fromMs?: number; readonly toMs?: number }
  /** The first and the last number. */
  | { readonly kind: 'seq'; readonly first?: number; readonly last?: number }
  /**
   * `stems`: what an action may hold in its place, such as `delet` for "deleted". `isPattern`: its stars
   * stand for any text.
   */
  | {
      readonly kind: 'word'
      readonly text: string
      readonly ids?: readonly string[]
      readonly stems?: readonly string[]
      readonly isPattern?: true
    }

/** A place in the text, in UTF-16 units. */
export interface Place {
  readonly from: number
  readonly to: number
}

/** One part of a query. An entry must meet each part, and of its terms at least one. */
export interface QueryPart extends Place {
  /** The qualifier, as `action`. Empty: words. */
  readonly name: string
  /** What stands behind it, as `refund.* or invoice.*`. */
  readonly value: string
  /** Whether it takes out what it finds. */
  readonly isNot: boolean
  readonly terms: readonly Term[]
}

/** A part that was not understood and is not used, or one that can find nothing. */
export interface QueryProblem extends Place {
  /** The part as it was written. */
  readonly text: string
  /** What is wrong, and what would be understood. */
  readonly message: string
  /** Texts that could stand in its place. */
  readonly near: readonly string[]
  /** The part is used all the same, and finds nothing. */
  readonly isUsed?: true
}

/** A query that was read. It holds what was understood, and names the rest. */
export interface LogQuery {
  readonly text: string
  readonly parts: readonly QueryPart[]
  readonly problems: readonly QueryProblem[]
}

/** The text without one of its parts. */
export function withoutPart({ text }: LogQuery, { from, to }: Place): string {
  return `${text.slice(0, from).trimEnd()} ${text.slice(to).trimStart()}`.trim()
}

/** A sentence about a problem, with its place. The first character is number 1. */
export function problemText({ from, text, message, near }: QueryProblem): string {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text
  const nearest = near.length === 0 ? '' : ` Near: ${near.join(', ')}.`
  return `At character ${from + 1}, ${JSON.stringify(shown)}: ${message}${nearest}`
}
