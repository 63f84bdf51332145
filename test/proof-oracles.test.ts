import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { createPublicKey } from 'node:crypto'
import fs from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { parseVkey } from '../src/seal/key.ts'
import { leafText } from '../src/seal/leaf.ts'
import {
  isSignedBy,
  newKey,
  openNote,
  parseCheckpoint,
  signatureLine,
  signCheckpoint,
  signerOfKey,
  vkeyOf,
} from '../src/seal/note.ts'
import { parseProof } from '../src/seal/proof.ts'
import { consistencyPath, inclusionPath, rootOfTiles } from '../src/seal/tiles.ts'
import { scratchFolder } from './support/exports.ts'
import { goldenLeaves } from './support/golden-leaves.ts'
import { ORIGIN, proofOfGolden, someLeaves, TileShelf } from './support/proofs.ts'

// What others wrote for the same formats has to agree: golang.org/x/mod/sumdb, which checks Go's own
// modules, and @sigstore/verify, which npm uses.

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** Where Debian's golang-golang-x-mod-dev puts its packages. */
const GO_PATH = '/usr/share/gocode'
const HAS_GO =
  spawnSync('go', ['version']).status === 0 &&
  fs.existsSync(path.join(GO_PATH, 'src/golang.org/x/mod/sumdb'))
const withGo = HAS_GO
  ? {}
  : { skip: 'Go is not here: apt-get install golang-go golang-golang-x-mod-dev' }

interface Question {
  readonly kind: 'note' | 'record' | 'tree'
  readonly note?: string
  readonly vkey?: string
  readonly text?: string
  readonly leaf?: string
  readonly index?: number
  readonly size?: number
  readonly root?: string
  readonly from?: number
  readonly fromRoot?: string
  readonly path?: readonly string[]
}

/** What Go's own code says to each question: whether it holds. */
function askGo(questions: readonly Question[], folder: string): readonly boolean[] {
  const program = path.join(folder, 'judge')
  const env = { ...process.env, GO111MODULE: 'off', GOPATH: GO_PATH, GOFLAGS: '', CGO_ENABLED: '0' }
  const built = spawnSync('go', ['build', '-o', program, path.join(HERE, 'golden/judge.go')], {
    env: { ...env, GOCACHE: path.join(folder, 'cache') },
    encoding: 'utf8',
  })
  assert.equal(built.status, 0, built.stderr)
  const ran = spawnSync(program, { input: JSON.stringify(questions), encoding: 'utf8' })
  assert.equal(ran.status, 0, ran.stderr)
  const answers = JSON.parse(ran.stdout) as readonly boolean[]
  assert.equal(answers.length, questions.length)
  return answers
}

const base64 = (bytes: Buffer) => bytes.toString('base64')
const flipped = (bytes: Buffer) => {
  const other = Buffer.from(bytes)
  other[0] = (other[0] ?? 0) ^ 1
  return other
}

test(
  "Go's sumdb accepts our checkpoints and proofs, and refuses altered ones",
  withGo,
  async (t) => {
    const questions: [Question, boolean][] = []
    const ask = (question: Question, holds: boolean) => questions.push([question, holds])
    for (const name of ['every field', 'numbers beyond a double', 'control characters']) {
      const entry = goldenLeaves.entries.find((one) => one.name === name)
      assert.ok(entry)
      const given = await proofOfGolden(name)
      const { index, path: hashes, note } = parseProof(given.proof)
      const { size, root } = parseCheckpoint(openNote(note).text)
      const text = leafText(entry.line, { salt: entry.salt })
      const record = { kind: 'record', text, index, size, root: base64(root) } as const
      const { vkey } = given
      ask({ kind: 'note', note, vkey }, true)
      ask({ kind: 'note', note: note.replace('\n700\n', '\n701\n'), vkey }, false)
      ask({ kind: 'note', note, vkey: newKey(ORIGIN).vkey }, false)
      ask({ ...record, path: hashes.map(base64) }, true)
      ask({ ...record, text: text.replace('"v":1', '"v":2'), path: hashes.map(base64) }, false)
      ask({ ...record, index: index + 1, path: hashes.map(base64) }, false)
      for (const at of hashes.keys()) {
        const changed = hashes.map((hash, place) => base64(place === at ? flipped(hash) : hash))
        ask({ ...record, path: changed }, false)
      }
    }
    const leaves = someLeaves(70_000)
    const shelf = new TileShelf()
    await shelf.add(leaves)
    for (const [from, size] of [
      [1, 600],
      [255, 256],
      [256, 600],
      [599, 600],
      [600, 70_000],
    ] as const) {
      const [fromRoot, root] = [
        await rootOfTiles(from, shelf.read),
        await rootOfTiles(size, shelf.read),
      ]
      const hashes = await consistencyPath(from, size, shelf.read)
      const tree = {
        kind: 'tree',
        from,
        size,
        fromRoot: base64(fromRoot),
        root: base64(root),
      } as const
      ask({ ...tree, path: hashes.map(base64) }, true)
      ask({ ...tree, fromRoot: base64(flipped(fromRoot)), path: hashes.map(base64) }, false)
      ask(
        { ...tree, path: hashes.map((hash, at) => base64(at === 0 ? flipped(hash) : hash)) },
        false,
      )
      for (const index of [0, from - 1, from, size - 1].filter((at) => at < size)) {
        const up = await inclusionPath(index, size, shelf.read)
        const leaf = base64(leaves[index] as Buffer)
        const record = { kind: 'record', leaf, index, size, root: base64(root) } as const
        ask({ ...record, path: up.map(base64) }, true)
        ask({ ...record, root: base64(flipped(root)), path: up.map(base64) }, false)
      }
    }
    const answers = askGo(
      questions.map(([question]) => question),
      scratchFolder(t),
    )
    for (const [at, [question, holds]] of questions.entries()) {
      assert.equal(answers[at], holds, JSON.stringify(question))
    }
    assert.ok(questions.length > 80)
  },
)

test("what Go's sumdb signs by the key of its documentation, we sign alike", async () => {
  const key = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'
  const vkey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  const text =
    'If you think cryptography is the answer to your problem,\n' +
    "then you don't know what your problem is.\n"
  const line =
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
  const signer = signerOfKey(key)
  assert.equal(vkeyOf(signer.name, signer.publicKey), vkey)
  assert.equal(await signatureLine(text, signer), line)
  assert.ok(isSignedBy(openNote(`${text}\n${line}`), parseVkey(vkey)))
})

/** The parts of @sigstore/verify that are not among its exports. */
const sigstore = createRequire(import.meta.url)
const sigstoreFile = (name: string) =>
  path.join(path.dirname(sigstore.resolve('@sigstore/verify')), 'tlog', name)

test('@sigstore/verify accepts our checkpoints and proofs, and refuses altered ones', async () => {
  const { verifyMerkleInclusion } = sigstore(sigstoreFile('merkle.js'))
  const { verifyCheckpoint } = sigstore(sigstoreFile('checkpoint.js'))
  const entry = goldenLeaves.entries.find(({ name }) => name === 'every field')
  assert.ok(entry)
  const { proof, vkey } = await proofOfGolden('every field')
  const { index, path: hashes, note } = parseProof(proof)
  const { id, publicKey } = parseVkey(vkey)
  const key = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
    format: 'jwk',
  })
  const accepts = ({
    text = leafText(entry.line, { salt: entry.salt }),
    path: given = hashes,
    envelope = note,
    logIndex = index,
    keyHint = id,
  } = {}) => {
    const log = { logID: Buffer.from(keyHint, 'hex'), baseURL: ORIGIN, publicKey: key }
    const inclusionProof = { logIndex: String(logIndex), hashes: given, checkpoint: { envelope } }
    try {
      const checkpoint = verifyCheckpoint({ inclusionProof }, [log])
      verifyMerkleInclusion({ inclusionProof, canonicalizedBody: Buffer.from(text) }, checkpoint)
      return true
    } catch (error) {
      assert.equal(Reflect.get(Object(error), 'code'), 'TLOG_INCLUSION_PROOF_ERROR', String(error))
      return false
    }
  }
  assert.ok(accepts())
  assert.ok(!accepts({ text: leafText(entry.line, { salt: '00'.repeat(16) }) }))
  assert.ok(!accepts({ envelope: note.replace('\n700\n', '\n701\n') }))
  assert.ok(!accepts({ logIndex: index + 1 }))
  assert.ok(!accepts({ keyHint: '00000000' }))
  for (const at of hashes.keys()) {
    assert.ok(
      !accepts({ path: hashes.map((hash, place) => (place === at ? flipped(hash) : hash)) }),
    )
  }
  const other = await signCheckpoint(
    parseCheckpoint(openNote(note).text),
    signerOfKey(newKey(ORIGIN).key),
  )
  assert.ok(!accepts({ envelope: other }))
})
