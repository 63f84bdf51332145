import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { vkeyOf } from '../src/seal/key.ts'
import { verifyProof } from '../src/seal/proof.ts'
import { scratchDatabase } from './support/database.ts'
import { appendToLog } from './support/log-entries.ts'
import { pageOn, readerOn } from './support/pages.ts'
import { LOG_NAME, sealerOn, testKeys } from './support/seals.ts'

const EVENT = '01990000-0000-7000-8000-000000000e01'

async function pageWithLog(t: TestContext, options: Parameters<typeof pageOn>[1] = {}) {
  const database = await scratchDatabase(t)
  const append = (entries: Parameters<typeof appendToLog>[1]) => appendToLog(database.sql, entries)
  const keys = testKeys()
  const seal = () => sealerOn(t, database, { keys }).drain()
  const policy = `log ${vkeyOf(LOG_NAME, keys.signers[0].publicKey)}\nquorum none\n`
  return { append, seal, policy, ...pageOn(readerOn(t, database), options) }
}

test('the detail of an entry offers its proof, which a stranger checks', async (t) => {
  const { append, seal, policy, get, text } = await pageWithLog(t)
  const [id = ''] = await append([{ action: 'order.pay', eventId: EVENT }, { action: 'a.b' }])
  assert.doesNotMatch(await text(`?entry=${id}`), /<h3>Seal/)
  await seal()
  const detail = await text(`?entry=${id}&part=entry`)
  assert.match(
    detail,
    /Sealed as example\.com\/audit since .*\d\d:\d\d.*\s+It was never verified\./,
  )
  const links = [...detail.matchAll(/href="(\?[^"]*proof=(?:line|proof))" download/g)].map(
    ([, link = '']) => link.replaceAll('&amp;', '&'),
  )
  assert.equal(links.length, 2)
  const [line, proof] = await Promise.all(links.map((link) => get(link)))
  assert.ok(line && proof)
  assert.match(line.headers.get('content-disposition') ?? '', /^attachment; filename="1\.ndjson"$/)
  assert.match(proof.headers.get('content-disposition') ?? '', /filename="1\.tlog-proof"$/)
  assert.deepEqual(verifyProof(await line.text(), await proof.text(), policy), {
    ...{ seq: 1, size: 2, origin: LOG_NAME },
  })
})

test('an entry that is not sealed yet says so, and has no proof', async (t) => {
  const { append, seal, get, text } = await pageWithLog(t)
  await append([{ action: 'a.b' }])
  await seal()
  const [id = ''] = await append([{ action: 'a.c' }])
  assert.match(await text(`?entry=${id}`), /This entry is not sealed yet\./)
  const answer = await get(`?entry=${id}&proof=proof`)
  assert.equal(answer.status, 409)
  assert.match(await answer.text(), /^Entry 2 is not sealed yet: the log is sealed through 1\.\n$/)
})

test('the newest verification is told, with what came of it', async (t) => {
  const { append, seal, text } = await pageWithLog(t)
  const [id = ''] = await append([{ action: 'a.b' }])
  await seal()
  for (const [code, words] of [
    [0, 'the log was what had been sealed'],
    [5, 'the log was not what had been sealed'],
    [undefined, 'the outcome is unknown'],
  ] as const) {
    const [verified = ''] = await append([{ action: 'audit.verify', metadata: { code, size: 1 } }])
    const detail = await text(`?entry=${id}&part=entry`)
    assert.ok(detail.includes(words), words)
    assert.ok(detail.includes(`href="?entry=${verified}"`))
  }
})

test('a viewer of one event gets no proof of another, and each proof is written down', async (t) => {
  const reads: unknown[] = []
  const { append, seal, get } = await pageWithLog(t, {
    authorize: () => ({ name: 'ada', onlyEventId: EVENT }),
    recorder: { record: ({ metadata }) => reads.push(metadata) > 0 },
  })
  const [own = '', foreign = ''] = await append([
    { action: 'a.b', eventId: EVENT },
    { action: 'a.b', eventId: '01990000-0000-7000-8000-000000000e02' },
  ])
  await seal()
  assert.equal((await get(`?entry=${own}&proof=line`)).status, 200)
  assert.equal((await get(`?entry=${foreign}&proof=line`)).status, 404)
  assert.equal((await get('?proof=line')).status, 404)
  assert.equal((await get(`?entry=${own}&proof=both`)).status, 400)
  assert.deepEqual(reads, [{ read: 'entry', filter: { event: EVENT }, entry: own, proof: 'line' }])
})
