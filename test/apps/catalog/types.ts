// What must and what must not compile with the types of each library. Nothing here is run.
import { type ActionsOf, createRecorder, type Recorder } from 'audit-outbox'
import { createMemoryRecorder } from 'audit-outbox/testing'
import { expect } from 'vitest'
import { expect as expectOfJest } from '@jest/globals'
import { actions } from './actions.js'

interface AppActions extends ActionsOf<typeof actions> {}
const audit: Recorder<AppActions> = createRecorder({ actions })
const tx = { execute: async () => [] }

audit.record({ action: 'branding.update', metadata: { color: 'red', until: new Date() } })
audit.record({ action: 'project.archive', metadata: { reason: null } })
audit.record({ action: 'name.trim' }) // its one key has a default
audit.record({ action: 'guest.check_in' })
void audit.recordIn(tx, { action: 'refund.issue', metadata: { cents: 1 } })
// @ts-expect-error: Zod, a wrong type
audit.record({ action: 'branding.update', metadata: { color: 1 } })
// @ts-expect-error: Zod, not one of the values
audit.record({ action: 'branding.update', metadata: { color: 'red', theme: 'blue' } })
// @ts-expect-error: Zod, no metadata
audit.record({ action: 'branding.update' })
// @ts-expect-error: ArkType, no metadata
audit.record({ action: 'project.archive' })
// @ts-expect-error: ArkType, a wrong type
audit.record({ action: 'project.archive', metadata: { reason: 1 } })
// @ts-expect-error: Valibot, a wrong type
void audit.recordIn(tx, { action: 'refund.issue', metadata: { cents: '1' } })
// @ts-expect-error: it belongs into a transaction
audit.record({ action: 'refund.issue', metadata: { cents: 1 } })
// @ts-expect-error: an unknown action
audit.record({ action: 'refund.issued' })
// @ts-expect-error: an action without metadata
audit.record({ action: 'guest.check_in', metadata: { gate: 'A' } })

const memory = createMemoryRecorder({ actions })
expect(memory).toHaveRecorded('branding.update', { metadata: { color: expect.any(String) } })
expectOfJest(memory).not.toHaveRecorded('branding.update')
// @ts-expect-error: a misspelt field
expect(memory).toHaveRecorded('branding.update', { target: 'x' })
// @ts-expect-error: a misspelt field
expectOfJest(memory).toHaveRecorded('branding.update', { target: 'x' })
