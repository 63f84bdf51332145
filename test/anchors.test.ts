import assert from 'node:assert/strict'
import fs from 'node:fs/promises'
import http from 'node:http'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { commandAnchor } from '../relay/seal/anchors/command-anchor.ts'
import { fileAnchor } from '../relay/seal/anchors/file-anchor.ts'
import { notesOf } from '../relay/seal/anchors/notes-file.ts'
import { openAnchors } from '../relay/seal/anchors/open-anchors.ts'
import { witnessAnchor } from '../relay/seal/anchors/witness-anchor.ts'
import { cosignedAt, openNote } from '../src/seal/note.ts'
import { parseVkey } from '../src/seal/key.ts'
import { parsePolicy } from '../src/seal/policy.ts'
import { MemoryTree, testKey } from './support/memory-tree.ts'
import { waitFor } from './support/wait-for.ts'
import { listening, startWitness } from './support/witness.ts'

const noProof = async () => []

async function folder(t: TestContext): Promise<string> {
  const made = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-anchor-'))
  t.after(() => fs.rm(made, { recursive: true, force: true }))
  return made
}

async function notes(...sizes: readonly number[]) {
  const tree = new MemoryTree()
  const key = testKey()
  const made: string[] = []
  for (const size of sizes) {
    await tree.grow(size)
    made.push(await tree.note(key))
  }
  return made
}

async function all(file: string): Promise<readonly string[]> {
  const found: string[] = []
  for await (const note of notesOf(file)) found.push(note)
  return found
}

test('a file keeps every checkpoint once, in order, between empty lines', async (t) => {
  const file = path.join(await folder(t), 'kept', 'anchor.txt')
  const [first = '', second = ''] = await notes(3, 300)
  const anchor = fileAnchor(file)
  assert.equal(await anchor.newest(), undefined)
  for (const note of [first, first, second]) await anchor.publish(note, noProof)
  assert.equal(await fs.readFile(file, 'utf8'), `${first}\n${second}`)
  assert.deepEqual(await all(file), [first, second])
  assert.equal(await fileAnchor(file).newest(), second)
})

test('half a checkpoint at the end of the file hides none that comes later', async (t) => {
  const file = path.join(await folder(t), 'anchor.txt')
  const [first = '', second = '', third = ''] = await notes(3, 300, 301)
  for (const torn of [second.slice(0, 20), second.slice(0, -30), second.split('\n\n')[0]]) {
    await fs.writeFile(file, `${first}\n${torn}`)
    assert.equal(await fileAnchor(file).newest(), first)
    await fileAnchor(file).publish(third, noProof)
    assert.equal(await fileAnchor(file).newest(), third)
    assert.equal((await all(file)).at(-1), third)
  }
})

test('a file that cannot be written is named', async (t) => {
  const file = path.join(await folder(t), 'anchor.txt')
  await fs.mkdir(file)
  await assert.rejects(fileAnchor(file).publish('', noProof), {
    code: 'AUDIT_ANCHOR_FAILED',
    message: /anchor\.txt is a folder/,
  })
})

test('a command finds the checkpoint on its standard input', async (t) => {
  const file = path.join(await folder(t), 'seen')
  const [note = ''] = await notes(5)
  const anchor = commandAnchor({ command: `cat > '${file}'` })
  await anchor.publish(note, noProof)
  assert.equal(await fs.readFile(file, 'utf8'), note)
  assert.equal(await anchor.newest(), note)
})

test('a command that does not read is content, one that fails is tried three times', async (t) => {
  const file = path.join(await folder(t), 'tried')
  const long = 'x'.repeat(1_000_000)
  await commandAnchor({ command: 'exit 0' }).publish(long, noProof)
  const failing = commandAnchor({ command: `echo >> '${file}'; exit 3` })
  await assert.rejects(failing.publish('', noProof), {
    code: 'AUDIT_ANCHOR_FAILED',
    message: /ended with exit code 3/,
  })
  assert.equal(await fs.readFile(file, 'utf8'), '\n\n\n')
})

test('a command that hangs is killed with all that it started', async (t) => {
  const file = path.join(await folder(t), 'pid')
  const command = `sleep 600 & echo $! > '${file}'; wait`
  const anchor = commandAnchor({ command, timeoutMs: 1_500 })
  await assert.rejects(anchor.publish('', noProof), /did not end within 1.5 s and was killed/)
  const pid = Number(await fs.readFile(file, 'utf8'))
  const isGone = async () => {
    const state = await fs.readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
    return state === undefined || state.includes(') Z ')
  }
  await waitFor(isGone, { what: 'the end of what the command had started' })
})

test('a command is not told what would let it sign or write', async (t) => {
  const file = path.join(await folder(t), 'environment')
  const environment = {
    ...{ AUDIT_SEAL_KEY: 'secret', AUDIT_SEAL_KEY_FILE: 'secret', DATABASE_URL: 'secret' },
    ...{ AUDIT_RELAY_DATABASE_URL: 'secret', AUDIT_PAGE_TOKEN: 'secret', PGPASSWORD: 'secret' },
    ...{ PATH: process.env['PATH'], AWS_SECRET_ACCESS_KEY: 'for the command' },
  }
  await commandAnchor({ command: `env > '${file}'`, environment }).publish('', noProof)
  const seen = await fs.readFile(file, 'utf8')
  assert.match(seen, /AWS_SECRET_ACCESS_KEY=for the command/)
  assert.doesNotMatch(seen, /=secret/)
})

test('a witness cosigns, and says what it has seen to a relay that does not know', async (t) => {
  const [tree, key] = [new MemoryTree(), testKey()]
  const witness = await startWitness(t, key.vkey)
  let anchor = witnessAnchor(witness)
  for (const size of [5, 700, 70_000, 70_000]) {
    await tree.grow(size)
    const note = await tree.note(key)
    const lines = await anchor.publish(note, tree.proofTo(size))
    const cosigned = openNote(`${note}${lines.join('\n')}\n`)
    assert.ok(cosignedAt(cosigned, parseVkey(witness.vkey)))
    assert.equal(witness.newest()?.size, size)
    assert.equal(await anchor.newest(), `${note}${lines.join('\n')}\n`)
    if (size === 700) anchor = witnessAnchor(witness) // a relay that was started again
  }
  assert.equal(witness.requests(), 5)
})

test('a witness that has seen another log under the name raises an alarm at once', async (t) => {
  const [tree, other, key] = [new MemoryTree(), new MemoryTree('other'), testKey()]
  const witness = await startWitness(t, key.vkey)
  await tree.grow(500)
  await other.grow(600)
  await witnessAnchor(witness).publish(await tree.note(key), tree.proofTo(500))
  const forked = { code: 'AUDIT_SEAL_FORKED', message: /has seen another log under this name/ }
  await assert.rejects(
    witnessAnchor(witness).publish(await other.note(key), other.proofTo(600)),
    forked,
  )
  const note = await other.note(key, 500)
  await assert.rejects(witnessAnchor(witness).publish(note, other.proofTo(500)), forked)
  assert.equal(witness.newest()?.size, 500)
})

test('a log that stays behind its witness raises an alarm, a faster relay does not', async (t) => {
  const [tree, key] = [new MemoryTree(), testKey()]
  const witness = await startWitness(t, key.vkey)
  await tree.grow(500)
  await witnessAnchor(witness).publish(await tree.note(key), tree.proofTo(500))
  const anchor = witnessAnchor(witness)
  const publish = (size: number) =>
    tree.note(key, size).then((note) => anchor.publish(note, tree.proofTo(size)))
  await assert.rejects(publish(400), { code: 'AUDIT_ANCHOR_FAILED', message: /been faster/ })
  await assert.rejects(publish(450), { code: 'AUDIT_ANCHOR_FAILED' })
  await publish(500)
  for (const size of [400, 400]) {
    await assert.rejects(publish(size), { code: 'AUDIT_ANCHOR_FAILED' })
  }
  await assert.rejects(publish(499), {
    code: 'AUDIT_SEAL_FORKED',
    message: /has seen 500 entries of this log, and was shown 499: it was cut/,
  })
})

test('what answers in the place of a witness is not believed, followed or waited for', async (t) => {
  const [tree, key] = [new MemoryTree(), testKey()]
  await tree.grow(9)
  const note = await tree.note(key)
  const witness = await startWitness(t, key.vkey)
  const stranger = await startWitness(t, key.vkey)
  let followed = 0
  const answers: Readonly<Record<string, (response: http.ServerResponse) => void>> = {
    '/wrong/add-checkpoint': (response) => response.end(stranger.cosign(note)),
    '/moved/add-checkpoint': (response) =>
      response.writeHead(307, { location: '/elsewhere/add-checkpoint' }).end(),
    '/elsewhere/add-checkpoint': (response) => {
      followed += 1
      response.end(witness.cosign(note))
    },
    '/long/add-checkpoint': (response) => response.end('x'.repeat(10_000_000)),
    '/slow/add-checkpoint': (response) => response.write('— '),
    '/busy/add-checkpoint': (response) => response.writeHead(503).end(),
  }
  const server = http.createServer((request, response) => answers[request.url ?? '']?.(response))
  const url = await listening(t, server)
  const expected: Readonly<Record<string, RegExp>> = {
    wrong: /answered without a true cosignature of its own/,
    moved: /it answered with status 307/,
    long: /more than 64 KiB/,
    slow: /did not answer within 0.5 s/,
    busy: /it answered with status 503/,
  }
  await Promise.all(
    Object.entries(expected).map(async ([name, message]) => {
      const timeoutMs = name === 'slow' ? 500 : 30_000
      const anchor = witnessAnchor({ url: `${url}/${name}`, vkey: witness.vkey, timeoutMs })
      await assert.rejects(anchor.publish(note, noProof), { code: 'AUDIT_ANCHOR_FAILED', message })
    }),
  )
  assert.equal(followed, 0)
})

test('a witness that does not know the log or its key is named with what to do', async (t) => {
  const [tree, key] = [new MemoryTree(), testKey()]
  await tree.grow(9)
  const witness = await startWitness(t, testKey().vkey)
  const note = await tree.note(key)
  await assert.rejects(
    witnessAnchor(witness).publish(note, noProof),
    /give its operator the key of the log/,
  )
  const elsewhere = { ...witness, url: witness.url.replace('/submit', '/') }
  await assert.rejects(
    witnessAnchor(elsewhere).publish(note, noProof),
    /give its operator the name and the key of the log/,
  )
})

test('a policy names the witnesses that are asked', async (t) => {
  const key = testKey()
  const witness = await startWitness(t, key.vkey)
  const policy = parsePolicy(
    `log ${key.vkey}\nwitness w1 ${witness.vkey} ${witness.url}\nquorum w1\n`,
  )
  const anchors = openAnchors({ policy, command: 'true' })
  assert.deepEqual(
    anchors.map(({ name }) => name),
    ['command', 'witness witness.example/w1'],
  )
  assert.throws(() => witnessAnchor({ url: 'file:///x', vkey: witness.vkey }), /https:\/\//)
  assert.throws(() => witnessAnchor({ url: witness.url, vkey: key.vkey }), /not one for cosign/)
  assert.throws(() => openAnchors({ command: ' ' }), /AUDIT_ANCHOR_COMMAND is empty/)
})
