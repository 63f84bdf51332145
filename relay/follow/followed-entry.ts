/** An entry of the log, as a follower reads it. Ids are text, as the log's columns print them. */
export interface FollowedEntry {
  readonly seq: number
  readonly id: string
  /** When it reached the log, in Unix milliseconds. */
  readonly loggedMs: number
  readonly writtenBy: string
  readonly action: string
  readonly entityType: string | null
  readonly requestId: string | null
  readonly outcome: string | null
  readonly eventId: string | null
  readonly userId: string | null
  readonly actorId: string | null
  readonly actorKind: string | null
  readonly targetId: string | null
  readonly moreTargets: readonly string[] | null
  /** `JSON.parse` rounds numbers beyond 2^53. */
  readonly metadata: Readonly<Record<string, unknown>>
  readonly context: Readonly<Record<string, unknown>>
  /** One of the two is too large to be read, and is `{}` here. */
  readonly isUnreadable: boolean
}

export interface FollowedRow extends Omit<FollowedEntry, 'metadata' | 'context' | 'isUnreadable'> {
  readonly metadata: string | null
  readonly context: string | null
}

export function toFollowedEntry({ metadata, context, ...row }: FollowedRow): FollowedEntry {
  return {
    ...row,
    metadata: metadata === null ? {} : JSON.parse(metadata),
    context: context === null ? {} : JSON.parse(context),
    isUnreadable: metadata === null || context === null,
  }
}
