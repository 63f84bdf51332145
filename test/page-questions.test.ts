import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { exportToFile, verifyExport } from '../src/export/index.ts'
import { vkeyOf } from '../src/seal/key.ts'
import { verifyProof } from '../src/seal/proof.ts'
import { readerOf, scratchFolder } from './support/exports.ts'
import { LOG_NAME, sealerOn, testKeys } from './support/seals.ts'
import { type Answer, FURTHER_QUESTIONS } from './questions/further-questions.ts'
import { QUESTIONS } from './questions/questions.ts'
import { type Label, LABELS } from './questions/small-log.ts'
import { smallLogPage } from './questions/small-log-page.ts'
import { questionTable } from './questions/table.ts'

const textOf = (html: string) =>
  html
    .replaceAll(/<(?:script|style)[\s\S]*?<\/(?:script|style)>/g, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll('&quot;', '"')
    .replaceAll(/\s+/g, ' ')

const linksIn = (html: string) =>
  Array.from(
    html.matchAll(/<a\b[^>]*href="(\?[^"]*)"[^>]*>([\s\S]*?)<\/a>/g),
    ([, to = '', text]) => ({
      to: to.replaceAll('&amp;', '&'),
      text: textOf(text ?? '').trim(),
    }),
  )

test('there are seventy questions, each asked by somebody else in public, and each once', () => {
  const all = [...QUESTIONS, ...FURTHER_QUESTIONS]
  assert.equal(all.length, 70)
  assert.equal(new Set(all.map(({ asked }) => asked)).size, 70)
  for (const { seenIn } of all) assert.match(seenIn, /#\d+$|^[\w.-]+: /)
  for (const by of ['support', 'admin', 'auditor']) {
    assert.ok(all.filter((one) => one.by === by).length >= 14, by)
  }
})

test('the page of the questions is that of the table', () => {
  const file = new URL('questions/README.md', import.meta.url)
  if (process.env['AUDIT_TEST_UPDATE'] === '1') fs.writeFileSync(file, questionTable())
  assert.equal(fs.readFileSync(file, 'utf8'), questionTable())
})

// Goal: what takes more than a line is answered in the page as well, by its address.
test('the page answers every further question', async (t) => {
  const { get, text, shown, idOf, labelOf, scratch } = await smallLogPage(t)
  const keys = testKeys()
  await sealerOn(t, scratch, { keys }).drain()
  const policy = `log ${vkeyOf(LOG_NAME, keys.signers[0].publicKey)}\nquorum none\n`
  const inFile = (file: string): readonly (Label | undefined)[] =>
    Array.from(file.matchAll(/^\{?"(?:seq":)?\d+"?,"(?:id":")?([0-9a-f-]{36})"/gm), ([, id = '']) =>
      labelOf(id),
    )
  const check = async (address: string, answer: Answer): Promise<void> => {
    const page = await text(address)
    if ('rows' in answer) {
      const [around] = linksIn(page).filter((link) => link.text === '5 minutes before and after')
      assert.deepEqual(shown(around ? await text(around.to) : page), answer.rows)
    } else if ('says' in answer) {
      const said = textOf(page)
      let from = 0
      for (const one of answer.says) {
        from = said.indexOf(one, from)
        assert.notEqual(from, -1, `${one}: ${said}`)
      }
    } else if ('json' in answer) {
      const response = await get(address, { accept: 'application/json' })
      const { entries } = (await response.json()) as { entries: { id: string }[] }
      assert.deepEqual(
        entries.map(({ id }) => labelOf(id)),
        answer.json,
      )
    } else if ('file' in answer) {
      assert.deepEqual(inFile(page), answer.file)
    } else if ('proof' in answer) {
      const files = linksIn(page).filter(({ to }) => /[?&]proof=/.test(to))
      const [line = '', proof = ''] = await Promise.all(
        files.map(async ({ to }) => (await get(to)).text()),
      )
      assert.equal(verifyProof(line, proof, policy).seq, answer.proof)
    } else {
      const out = path.join(scratchFolder(t), 'all.ndjson')
      await exportToFile(readerOf(t, scratch), { out, proofs: true })
      const { manifest, problems, proved } = await verifyExport(out, { policy })
      assert.deepEqual([problems, manifest.rows], [[], answer.whole])
      assert.equal(proved?.leftOut, 0)
      assert.deepEqual(inFile(page), LABELS)
    }
  }
  for (const { asked, address, answer } of FURTHER_QUESTIONS) {
    await check(address(idOf), answer).catch((error: unknown) => {
      throw new Error(`${asked} ${error instanceof Error ? error.message : ''}`)
    })
  }
})
