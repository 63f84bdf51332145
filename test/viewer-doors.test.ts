import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Viewer } from '../src/page/index.ts'
import { Dice } from './support/dice.ts'
import { scratchDatabase } from './support/database.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { sealLog } from './support/seal-log.ts'
import { testKeys } from './support/seals.ts'
import { fillTwoTenants } from './support/two-tenants.ts'

const FORMS = [
  '',
  '&part=entry',
  '&proof=line',
  '&proof=proof',
  '&export=ndjson',
  '&live=1',
] as const
const ACCEPTS = ['text/html', 'application/json'] as const

function difference(one: string, other: string): string {
  const at = Array.from(one).findIndex((character, n) => character !== other[n])
  return `${one.slice(at - 80, at + 80)} and not ${other.slice(at - 80, at + 80)}`
}

// Goal: nobody learns that there is an entry which they do not see.
// Method: each address that takes the id of an entry, asked for one of another tenant, for one whose action is
// hidden, and for one that is nowhere: status, headers and every byte are the same but for the id.
test('an entry that a viewer does not see is answered like one that is not there', async (t) => {
  const scratch = await scratchDatabase(t)
  const dice = new Dice(7)
  const tenants = await fillTwoTenants(scratch.sql, dice)
  await sealLog(scratch.sql, { signer: testKeys().signers[0] })
  const db = readerOn(t, scratch)
  t.mock.timers.enable({ apis: ['Date'], now: tenants.nowMs })
  const answerTo = async (viewer: Viewer, id: string, form: string, accept: string) => {
    const { get } = pageOn(db, { authorize: () => viewer })
    const response = await get(`?entry=${id}${form}`, { accept })
    const text = await response.text()
    const whole = JSON.stringify([response.status, [...response.headers], text])
    return whole.replaceAll(id, 'ID')
  }
  let compared = 0
  for (const viewer of tenants.viewers) {
    const { entries: hidden } = tenants.canariesOf(viewer)
    const [own] = tenants.entryIds.filter((id) => !hidden.includes(id))
    for (const form of FORMS) {
      for (const accept of ACCEPTS) {
        for (const id of hidden.slice(-2)) {
          // It begins as the other does, because a page may show the beginning alone.
          const nowhere = `${id.slice(0, 24)}${dice.hex(12)}`
          const wanted = await answerTo(viewer, nowhere, form, accept)
          const given = await answerTo(viewer, id, form, accept)
          assert.ok(
            given === wanted,
            `${viewer.name} ${form} ${accept}: ${difference(given, wanted)}`,
          )
          compared += 1
        }
        if (form === '')
          assert.ok((await answerTo(viewer, String(own), form, accept)).startsWith('[200'))
      }
    }
  }
  assert.ok(compared >= 40, String(compared))
})
