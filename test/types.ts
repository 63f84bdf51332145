// What must and what must not compile, checked by `npm run types`. Nothing here is run.
import type { NodePgDatabase } from 'drizzle-orm/node-postgres'
import type { PgliteDatabase } from 'drizzle-orm/pglite'
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import {
  type AuditEntry,
  type AuditTransaction,
  createRecorder,
  noopRecorder,
  type Recorder,
  record,
  setDefaultRecorder,
} from 'audit-outbox'
import { expressAudit } from 'audit-outbox/express'

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

/** A recorder that was told nothing takes any action, with any metadata. */
const open: Recorder = createRecorder()
open.record({ action: 'what.ever', metadata: new Map(), userId: null, occurredAt: Date.now() })
record({ action: 'what.ever' })
// @ts-expect-error: no action
open.record({ metadata: {} })
// @ts-expect-error: an action is entity.verb
open.record({ action: 'whatever' })
open.record({ action: 'what.ever', occurredAt: '2024-02-29T12:00:00Z' })
// @ts-expect-error: no time
open.record({ action: 'what.ever', occurredAt: true })
// @ts-expect-error: a misspelt field
open.record({ action: 'what.ever', metdata: {} })

/** A typed recorder fits wherever one is asked for. */
setDefaultRecorder(typed)
setDefaultRecorder(noopRecorder)
expressAudit({ recorder: typed })

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
