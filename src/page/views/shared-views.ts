import { sql } from 'drizzle-orm'
import type { AuditDatabase } from '../../database/callers-database.ts'
import { mendJson } from '../../encode/storable-text.ts'
import { AuditError } from '../../errors.ts'
import { hidesNames } from '../../projection/projection.ts'
import { readRows } from '../../read/read-rows.ts'
import type { AdmittedViewer } from '../auth/viewer.ts'
import { type GivenParameters, savedParameters } from '../query/address.ts'
import { type SharedView, viewOf } from '../query/saved-views.ts'
import { hiddenFrom, mayBeTold } from './told-views.ts'

/** A viewer, and how they got in. */
export interface ViewSharer {
  readonly name: string
  readonly userId: string | undefined
  /** Undefined: they see every event. */
  readonly onlyEventId: string | undefined
  /** By the application's session, by a signed link, or by a token that `audit-relay token` made. */
  readonly by: 'session' | 'link' | 'token'
}

export interface SharedViewOptions {
  /** As `audit_reader`, on connections that may write. Default: the page's `db`. */
  readonly db?: AuditDatabase | undefined
  /**
   * Whether a viewer sees, saves and removes the views of those who see the same event, or every event.
   * Called for each page. Default: those with a `userId` who got in by the application's session.
   */
  readonly sharedWith?: ((viewer: ViewSharer) => boolean) | undefined
}

/** Why a view is not saved. */
export type SaveProblem =
  | { readonly kind: 'full' }
  | { readonly kind: 'unseen' }
  | { readonly kind: 'taken'; readonly by: string | undefined }

type Who = Readonly<Record<string, unknown>>

export const MAX_SHARED_VIEWS = 100
/** The schema has no such functions yet, or the login may not call them. */
const NOT_THERE = new Set(['42883', '42P01', '3F000', '42501'])

/** Views that those share who see the same event, or who all see every event. */
export class SharedViews {
  readonly #db: AuditDatabase
  readonly #sharedWith: (viewer: ViewSharer) => boolean

  constructor(db: AuditDatabase, sharedWith = isNamed) {
    this.#db = db
    this.#sharedWith = sharedWith
  }

  isSharedWith({ name, userId, onlyEventId }: AdmittedViewer, by: ViewSharer['by']): boolean {
    return this.#sharedWith({ name, userId, onlyEventId, by }) === true
  }

  /**
   * Those that the viewer may be told of.
   *
   * @returns undefined where this database keeps none, because it was not migrated yet
   * @throws {AuditError} where the database does not answer
   */
  async list(viewer: AdmittedViewer): Promise<readonly SharedView[] | undefined> {
    const rows = await orNotThere(
      readRows(
        this.#db,
        sql`select v.id::pg_catalog.text as "id", v.name as "name", v.asked::pg_catalog.text as "asked",
            v.seen_by as "savedBy", v.made_by as "madeBy", v.made_at as "madeAt"
          from audit.list_views(${scopeOf(viewer)}::pg_catalog.text) as v`,
      ),
    )
    const isNameless = hidesNames(viewer.seenBy ?? {})
    return rows?.flatMap(({ id, name, asked, savedBy, madeBy, madeAt }) => {
      const given = textsIn(JSON.parse(String(asked)))
      const view = viewOf(String(name), Object.entries(given))
      if (view === undefined || !mayBeTold(given, String(savedBy), viewer)) return []
      const who = isNameless || madeBy === null ? undefined : String(madeBy)
      return [{ ...view, id: String(id), madeBy: who, madeAt: String(madeAt) }]
    })
  }

  /**
   * @param who for the context of the entry about it
   * @returns undefined where it is saved
   * @throws {AuditError} where the database does not answer, or only reads
   */
  async save(
    viewer: AdmittedViewer,
    { name, given, who }: { name: string; given: GivenParameters; who: Who },
  ): Promise<SaveProblem | undefined> {
    const asked = Object.fromEntries(savedParameters(given))
    const hidden = hiddenFrom(viewer)
    if (!mayBeTold(asked, hidden, viewer)) return { kind: 'unseen' }
    const [row] = await readRows(
      this.#db,
      sql`select s.problem as "problem", s.taken_by as "takenBy"
        from audit.save_view(
          ${scopeOf(viewer)}::pg_catalog.text, ${name}::pg_catalog.text,
          ${json(asked)}::pg_catalog.text::pg_catalog.jsonb, ${hidden}::pg_catalog.text,
          ${viewer.userId ?? null}::pg_catalog.text, ${viewer.name}::pg_catalog.text,
          ${json(who)}::pg_catalog.text::pg_catalog.jsonb) as s`,
    )
    const { problem, takenBy } = row ?? {}
    if (problem === 'full') return { kind: 'full' }
    if (problem !== 'taken') return undefined
    const isTold = typeof takenBy === 'string' && !hidesNames(viewer.seenBy ?? {})
    return { kind: 'taken', by: isTold ? takenBy : undefined }
  }

  /** @returns whether there was such a view that the viewer is told of */
  async remove(viewer: AdmittedViewer, id: string, who: Who): Promise<boolean> {
    const views = await this.list(viewer)
    if (!views?.some((view) => view.id === id)) return false
    const [row] = await readRows(
      this.#db,
      sql`select audit.remove_view(
          ${scopeOf(viewer)}::pg_catalog.text, ${id}::pg_catalog.text::pg_catalog.uuid,
          ${viewer.userId ?? null}::pg_catalog.text, ${viewer.name}::pg_catalog.text,
          ${json(who)}::pg_catalog.text::pg_catalog.jsonb) as "isRemoved"`,
    )
    return row?.['isRemoved'] === true
  }
}

/** Whether a view cannot be saved because the database keeps none, or only reads. */
export function isNotKept(error: unknown): boolean {
  return codeOf(error) === '25006' || NOT_THERE.has(codeOf(error))
}

function isNamed({ userId, by }: ViewSharer): boolean {
  return userId !== undefined && by === 'session'
}

/** No event has the empty id. */
function scopeOf({ onlyEventId }: AdmittedViewer): string {
  return onlyEventId ?? ''
}

async function orNotThere<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked
  } catch (error) {
    if (NOT_THERE.has(codeOf(error))) return undefined
    throw error
  }
}

function codeOf(error: unknown): string {
  return (error instanceof AuditError && error.fault?.code) || ''
}

/** Without what jsonb cannot hold. */
function json(value: object): string {
  return mendJson(JSON.stringify(value))
}

function textsIn(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(Object(value)).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string',
    ),
  )
}
