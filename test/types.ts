// What must and what must not compile, checked by `npm run types`. Nothing here is run.
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgliteDatabase } from 'drizzle-orm/pglite'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import {
  type ActionsOf,
  type AuditEntry,
  type AuditTransaction,
  createRecorder,
  defineActions,
  noopRecorder,
  type OutboxOnly,
  type Recorder,
  record,
  type StandardSchema,
  setDefaultRecorder,
} from 'audit-outbox'
import { expressAudit } from 'audit-outbox/express'
import { createMemoryRecorder } from 'audit-outbox/testing'

/** A recorder that knows an application's own actions. */
type Actions = {
  'branding.update': { readonly color: string }
  'guest.check_in': undefined
}
const typed = createRecorder<Actions>()
typed.record({ action: 'branding.update', metadata: { color: 'red' } })
typed.record({ action: 'guest.check_in' })
typed.child({ requestId: 'r', anything: { at: 'all' } }).record({ action: 'guest.check_in' })
// @ts-expect-error: the metadata of another type
typed.record({ action: 'branding.update', metadata: { color: 1 } })
// @ts-expect-error: an action that the application does not have
typed.record({ action: 'branding.delete' })

typed.record({ action: 'guest.check_in', metadata: null })
// @ts-expect-error: the metadata is required
typed.record({ action: 'branding.update' })
// @ts-expect-error: the metadata is required, also where its value may be null
typed.record({ action: 'branding.update', metadata: null })

/** An interface says the same as a type. */
interface ProjectActions {
  'project.archive': { readonly reason: string | null }
  'project.rename': { readonly from?: string }
  'invoice.pay': OutboxOnly<{ readonly cents: number }>
}
const projects = createRecorder<ProjectActions>()
projects.record({ action: 'project.archive', metadata: { reason: null } })
projects.record({ action: 'project.rename' })
projects.record({ action: 'project.rename', metadata: { from: 'a' } })
// @ts-expect-error: the metadata is required
projects.record({ action: 'project.archive' })
// @ts-expect-error: an action that the application does not have
projects.record({ action: 'project.archived', metadata: { reason: null } })
// @ts-expect-error: it belongs into a transaction
projects.record({ action: 'invoice.pay', metadata: { cents: 1 } })
declare const openTransaction: AuditTransaction
void projects.recordIn(openTransaction, { action: 'invoice.pay', metadata: { cents: 1 } })
void projects.recordIn(openTransaction, [{ action: 'project.rename' }])
// @ts-expect-error: the metadata is required
void projects.recordIn(openTransaction, { action: 'invoice.pay' })

/** A catalogue types the recorder, and each describe function. */
declare function schema<Input>(): StandardSchema<Input>
const actions = defineActions({
  'branding.update': {
    entityType: 'event',
    metadata: schema<{ color: string; at?: Date; count?: bigint }>(),
    lane: 'fast',
    describe: ({ metadata }) => {
      const at: string | undefined = metadata.at // as JSON holds it
      const count: string | undefined = metadata.count
      return `${metadata.color} ${at} ${count}`
    },
  },
  'refund.issue': { metadata: schema<{ cents: number }>(), lane: 'outbox' },
  'guest.check_in': { describe: (entry) => `${entry.userId} ${entry.metadata['any']}` },
})
const catalogued = createRecorder({ actions })
catalogued.record({ action: 'branding.update', metadata: { color: 'red', at: new Date() } })
catalogued.record({ action: 'guest.check_in' })
void catalogued.recordIn(openTransaction, { action: 'refund.issue', metadata: { cents: 1 } })
catalogued.child({ requestId: 'r' }).record({ action: 'guest.check_in' })
// @ts-expect-error: an action that the catalogue does not have
catalogued.record({ action: 'branding.delete' })
// @ts-expect-error: the metadata is required
catalogued.record({ action: 'branding.update' })
// @ts-expect-error: the metadata of another type
catalogued.record({ action: 'branding.update', metadata: { color: 1 } })
// @ts-expect-error: a key that the schema does not have
catalogued.record({ action: 'branding.update', metadata: { color: 'red', colour: 'red' } })
// @ts-expect-error: an action without a schema has no metadata
catalogued.record({ action: 'guest.check_in', metadata: { gate: 'A' } })
// @ts-expect-error: it belongs into a transaction
catalogued.record({ action: 'refund.issue', metadata: { cents: 1 } })
// @ts-expect-error: the same for a child
catalogued.child({}).record({ action: 'refund.issue', metadata: { cents: 1 } })
// @ts-expect-error: the metadata of another type
void catalogued.recordIn(openTransaction, { action: 'refund.issue', metadata: { cents: '1' } })

/** With an interface of its own, an application's types have a short name. */
interface AppActions extends ActionsOf<typeof actions> {}
export const named: Recorder<AppActions> = createRecorder({ actions })
createMemoryRecorder<AppActions>({ actions }).record({ action: 'guest.check_in' })
// @ts-expect-error: an action is entity.verb
defineActions({ branding: {} })
// @ts-expect-error: no schema
defineActions({ 'a.b': { metadata: { color: 'string' } } })
// @ts-expect-error: no lane
defineActions({ 'a.b': { lane: 'slow' } })
// @ts-expect-error: a misspelt key
defineActions({ 'a.b': { descibe: () => '' } })
// @ts-expect-error: a sentence is text
defineActions({ 'a.b': { describe: () => 1 } })
// @ts-expect-error: a catalogue is made by defineActions
createRecorder({ actions: { 'a.b': {} } })

/** A name for the recorder that createRecorder makes takes any entry, as it always did. */
declare const anyRecorder: ReturnType<typeof createRecorder>
anyRecorder.record({ action: 'what.ever', metadata: 1 })

/** A recorder that was told nothing takes any action, with any metadata. */
const open: Recorder = createRecorder()
open.record({ action: 'what.ever', metadata: new Map(), userId: null, occurredAt: Date.now() })
record({ action: 'what.ever' })
// @ts-expect-error: no action
open.record({ metadata: {} })
// @ts-expect-error: an action is entity.verb
open.record({ action: 'whatever' })
open.record({ action: 'what.ever', occurredAt: '2024-02-29T12:00:00Z' })
// Ids of any kind; the database says which of them it holds.
open.record({ action: 'what.ever', userId: 42, eventId: 42n, targetId: 'user_2abc' })
open.child({ userId: 42, eventId: 42n }).withContext({ userId: 7n }, () => undefined)
// @ts-expect-error: no id
open.record({ action: 'what.ever', userId: true })
// @ts-expect-error: no time
open.record({ action: 'what.ever', occurredAt: true })
// @ts-expect-error: a misspelt field
open.record({ action: 'what.ever', metdata: {} })

/** A typed recorder fits wherever one is asked for. */
setDefaultRecorder(typed)
setDefaultRecorder(projects)
setDefaultRecorder(catalogued)
setDefaultRecorder(noopRecorder)
expressAudit({ recorder: typed })
expressAudit({ recorder: projects })
expressAudit({ recorder: catalogued })

/** The transactions of all drivers fit without a cast. */
type TransactionOf<Database> = Database extends {
  transaction(work: (tx: infer Transaction) => Promise<unknown>): unknown
}
  ? Transaction
  : never
export const fits: readonly ((tx: never) => AuditTransaction)[] = [
  (tx: TransactionOf<PostgresJsDatabase>) => tx,
  (tx: TransactionOf<NodePgDatabase>) => tx,
  (tx: TransactionOf<PgliteDatabase>) => tx,
]

export const entries: readonly AuditEntry[] = [{ action: 'a.b' }, { action: 'a.b.c', context: {} }]
