/** An entry as another system sends it to the site, as JSON. Its ids need not be UUIDs. */
export interface ImportedEntry {
  readonly action?: string | undefined
  readonly userId?: string | undefined
  readonly eventId?: string | undefined
  readonly entityType?: string | undefined
  readonly targetId?: string | undefined
  readonly requestId?: string | undefined
  /** ISO 8601. */
  readonly occurredAt?: string | undefined
  readonly metadata?: unknown
  readonly context?: Readonly<Record<string, unknown>> | undefined
}
