import assert from 'node:assert/strict'
import { generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { keyId, NOTE_KEY, parseVkey, WITNESS_KEY } from '../src/seal/key.ts'
import {
  type Checkpoint,
  checkpointText,
  cosignedAt,
  newKey,
  openCheckpoint,
  openNote,
  signatureLine,
  signCheckpoint,
  signerOfKey,
  vkeyOf,
} from '../src/seal/note.ts'
import { openByPolicy, parsePolicy, printPolicy } from '../src/seal/policy.ts'
import { someLeaves } from './support/proofs.ts'

const ORIGIN = 'example.com/audit'
const checkpoint: Checkpoint = { origin: ORIGIN, size: 5_000, root: someLeaves(1)[0] as Buffer }
const notProved = { code: 'AUDIT_NOT_PROVED' }
const altered = { code: 'AUDIT_NOT_PROVED', kind: 'altered' }
const unproved = { code: 'AUDIT_NOT_PROVED', kind: 'unproved' }

/** A witness of the tests: what it signs is its own code, by c2sp.org/tlog-cosignature. */
function newWitness(name: string) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(12)
  const cosign = (text: string, time: number, type = WITNESS_KEY) => {
    const signature = sign(null, Buffer.from(`cosignature/v1\ntime ${time}\n${text}`), privateKey)
    const seconds = Buffer.alloc(8)
    seconds.writeBigUInt64BE(BigInt(time))
    const bytes = Buffer.concat([Buffer.from(keyId(name, type, raw), 'hex'), seconds, signature])
    return `— ${name} ${bytes.toString('base64')}\n`
  }
  return { name, vkey: vkeyOf(name, raw, WITNESS_KEY), cosign, privateKey, raw }
}

test('a checkpoint that a key signed is opened by its vkey', async () => {
  const { key, vkey } = newKey(ORIGIN)
  const signer = signerOfKey(key)
  assert.equal(signer.name, ORIGIN)
  assert.equal(vkeyOf(ORIGIN, signer.publicKey), vkey)
  const note = await signCheckpoint(checkpoint, signer)
  assert.match(
    note,
    /^example\.com\/audit\n5000\n[A-Za-z0-9+/]{43}=\n\n— example\.com\/audit [A-Za-z0-9+/]+=*\n$/,
  )
  assert.deepEqual(openCheckpoint(note, [vkey]), checkpoint)
  assert.deepEqual(openCheckpoint(note, [newKey(ORIGIN).vkey, vkey]), checkpoint)
  assert.equal(await signCheckpoint(checkpoint, signer), note, 'the same note is signed alike')
})

test('a checkpoint of another key, or of no key, is not opened', async () => {
  const { key, vkey } = newKey(ORIGIN)
  const note = await signCheckpoint(checkpoint, signerOfKey(key))
  assert.throws(() => openCheckpoint(note, []), unproved)
  assert.throws(() => openCheckpoint(note, [newKey(ORIGIN).vkey]), unproved)
  const elsewhere = newKey('example.com/other')
  const foreign = await signCheckpoint(checkpoint, signerOfKey(elsewhere.key))
  assert.throws(() => openCheckpoint(foreign, [elsewhere.vkey]), unproved, 'name is not origin')
  assert.throws(() => openCheckpoint(foreign, [vkey, elsewhere.vkey]), unproved)
})

test('a checkpoint with a byte changed is refused', async () => {
  const { key, vkey } = newKey(ORIGIN)
  const note = await signCheckpoint({ ...checkpoint, size: 0 }, signerOfKey(key))
  assert.equal(openCheckpoint(note, [vkey]).size, 0)
  for (let at = 0; at < note.length; at += 1) {
    for (const mask of [1, 2, 32]) {
      const changed = String.fromCharCode(note.charCodeAt(at) ^ mask)
      const other = `${note.slice(0, at)}${changed}${note.slice(at + 1)}`
      assert.throws(() => openCheckpoint(other, [vkey]), notProved, `byte ${at} ^ ${mask}`)
    }
    assert.throws(() => openCheckpoint(note.slice(0, at), [vkey]), notProved, `cut at ${at}`)
  }
})

test('a note that is not written as a checkpoint is refused, though its key signed it', async () => {
  const { key, vkey } = newKey(ORIGIN)
  const signer = signerOfKey(key)
  const root = checkpoint.root.toString('base64')
  const signed = async (text: string) => `${text}\n${await signatureLine(text, signer)}`
  assert.deepEqual(openCheckpoint(await signed(`${ORIGIN}\n5000\n${root}\n`), [vkey]), checkpoint)
  for (const text of [
    `${ORIGIN}\n05000\n${root}\n`,
    `${ORIGIN}\n+5000\n${root}\n`,
    `${ORIGIN}\n-1\n${root}\n`,
    `${ORIGIN}\n5e3\n${root}\n`,
    `${ORIGIN}\n9007199254740993\n${root}\n`,
    `${ORIGIN}\n5000\n${root.slice(0, -4)}\n`,
    `${ORIGIN}\n5000\n${root.replace('=', '')}\n`,
    `${ORIGIN}\n5000\n${root}\nan extension\n`,
    `${ORIGIN}\n5000\n${root}\n\nanother text\n`,
    `${ORIGIN}\n5000\n`,
    `\n5000\n${root}\n`,
  ]) {
    const note = await signed(text)
    assert.throws(() => openCheckpoint(note, [vkey]), notProved, text)
  }
  const windows = (await signed(checkpointText(checkpoint))).replaceAll('\n', '\r\n')
  assert.throws(() => openCheckpoint(windows, [vkey]), altered)
})

// Any byte string is some base64 to a reader that skips what it does not know.
test('base64 that is written in another way is refused', async () => {
  const { key, vkey } = newKey(ORIGIN)
  const note = await signCheckpoint(checkpoint, signerOfKey(key))
  for (const other of [note.replace(/=\n/, '==\n'), note.replace(/(\S)=\n\n/, '$1*=\n\n')]) {
    assert.notEqual(other, note)
    assert.throws(() => openCheckpoint(other, [vkey]), altered)
  }
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  const other = note.replace(
    /(.)=\n\n/,
    (_, digit) => `${letters[letters.indexOf(digit) ^ 1]}=\n\n`,
  )
  assert.notEqual(other, note)
  assert.deepEqual(
    Buffer.from(other.split('\n')[2] ?? '', 'base64'),
    checkpoint.root,
    'the same bytes in other letters',
  )
  assert.throws(() => openCheckpoint(other, [vkey]), altered)
  const end = note.length - 3
  assert.match(note.slice(end), /^[^=]=\n$/)
  const letter = letters[letters.indexOf(note[end] ?? '') ^ 1] ?? ''
  const sameSignature = `${note.slice(0, end)}${letter}=\n`
  assert.notEqual(sameSignature, note)
  assert.throws(() => openCheckpoint(sameSignature, [vkey]), altered)
})

test('signatures of unknown keys are passed over, a false one of a known key is not', async () => {
  const [ours, old] = [newKey(ORIGIN), newKey(ORIGIN)]
  const text = checkpointText(checkpoint)
  const note = await signCheckpoint(checkpoint, signerOfKey(ours.key))
  const both = `${note}${await signatureLine(text, signerOfKey(old.key))}`
  for (const vkeys of [[ours.vkey], [old.vkey], [ours.vkey, old.vkey]]) {
    assert.deepEqual(openCheckpoint(both, vkeys), checkpoint)
  }
  const false2 = await signatureLine(`${text}x`, signerOfKey(old.key))
  assert.deepEqual(openCheckpoint(`${note}${false2}`, [ours.vkey]), checkpoint)
  assert.throws(() => openCheckpoint(`${note}${false2}`, [ours.vkey, old.vkey]), altered)
  const own = await signatureLine(`${text}x`, signerOfKey(ours.key))
  assert.throws(() => openCheckpoint(`${note}${own}`, [ours.vkey]), altered)
  const many = `${note}${false2.repeat(64)}`
  assert.throws(() => openCheckpoint(many, [ours.vkey]), altered)
  assert.deepEqual(openCheckpoint(`${note}${false2.repeat(63)}`, [ours.vkey]), checkpoint)
})

test('a key file that is damaged is refused, and nothing of it is quoted', () => {
  const { key } = newKey(ORIGIN)
  const secret = /\+([A-Za-z0-9+/=]{40,})\n$/.exec(key)?.[1] ?? ''
  assert.ok(secret.length > 40)
  for (const text of [
    '',
    key.replace('PRIVATE', 'PUBLIC'),
    key.replace(ORIGIN, 'example.com/other'),
    key.slice(0, -10),
    `${key}\n`,
    key.replace(/\+[0-9a-f]{8}\+/, '+00000000+'),
  ]) {
    assert.throws(
      () => signerOfKey(text),
      (error: unknown) => {
        assert.equal(Reflect.get(Object(error), 'code'), 'AUDIT_OPTION_INVALID')
        assert.ok(!String(error).includes(secret.slice(0, 8)))
        return true
      },
    )
  }
  assert.equal(signerOfKey(key.trimEnd()).name, ORIGIN)
  for (const name of ['', 'two words', 'a+b', 'a\nb', 'x'.repeat(256)]) {
    assert.throws(() => newKey(name), { code: 'AUDIT_OPTION_INVALID' }, name)
  }
  assert.equal(signerOfKey(newKey('x'.repeat(255)).key).name.length, 255)
})

test('a vkey with a byte changed is no key', () => {
  const { vkey } = newKey(ORIGIN)
  for (let at = 0; at < vkey.length; at += 1) {
    const changed = String.fromCharCode(vkey.charCodeAt(at) ^ 1)
    const other = `${vkey.slice(0, at)}${changed}${vkey.slice(at + 1)}`
    assert.throws(() => parseVkey(other), unproved, `byte ${at}`)
  }
  const { publicKey } = parseVkey(vkey)
  assert.throws(() => parseVkey(vkeyOf(ORIGIN, publicKey, 6)), /no Ed25519 key/)
  assert.throws(() => vkeyOf(ORIGIN, publicKey.subarray(1)), { code: 'AUDIT_OPTION_INVALID' })
})

test('a witness that cosigned is known with its time', async () => {
  const { key } = newKey(ORIGIN)
  const witness = newWitness('witness.example/w1')
  const note = await signCheckpoint(checkpoint, signerOfKey(key))
  const text = checkpointText(checkpoint)
  const known = parseVkey(witness.vkey)
  assert.equal(cosignedAt(openNote(note), known), undefined)
  const cosigned = `${note}${witness.cosign(text, 1_793_000_000)}`
  assert.equal(cosignedAt(openNote(cosigned), known), 1_793_000_000)
  const twice = `${cosigned}${witness.cosign(text, 1_794_000_000)}`
  assert.equal(cosignedAt(openNote(twice), known), 1_794_000_000)
  const another = `${note}${witness.cosign(text.replace('5000', '5001'), 1_793_000_000)}`
  assert.throws(() => cosignedAt(openNote(another), known), altered)
  // A plain signature under the witness' id says no time.
  const id = Buffer.from(keyId(witness.name, WITNESS_KEY, witness.raw), 'hex')
  const plain = Buffer.concat([id, sign(null, Buffer.from(text), witness.privateKey)])
  const line = `— ${witness.name} ${plain.toString('base64')}\n`
  assert.throws(() => cosignedAt(openNote(`${note}${line}`), known), altered)
})

test('the policy says whose cosignatures are enough', async () => {
  const { key, vkey } = newKey(ORIGIN)
  const witnesses = ['w1', 'w2', 'w3'].map(newWitness)
  const note = await signCheckpoint(checkpoint, signerOfKey(key))
  const lines = witnesses.map(({ name, vkey: of }) => `witness ${name} ${of}`).join('\n')
  const opens = (quorum: string, names: readonly string[]) => {
    const cosigned = witnesses
      .filter(({ name }) => names.includes(name))
      .map(({ cosign }) => cosign(checkpointText(checkpoint), 1_793_000_000))
    const policy = parsePolicy(`log ${vkey}\n${lines}\n${quorum}\n`)
    try {
      return openByPolicy(`${note}${cosigned.join('')}`, policy).size === 5_000
    } catch (error) {
      assert.equal(Reflect.get(Object(error), 'kind'), 'unproved')
      return false
    }
  }
  const groups = 'group two 2 w1 w2 w3\n'
  const table: readonly (readonly [string, readonly string[], boolean])[] = [
    ['quorum none', [], true],
    ['quorum w2', [], false],
    ['quorum w2', ['w1', 'w3'], false],
    ['quorum w2', ['w2'], true],
    ['group every all w1 w2 w3\nquorum every', ['w1', 'w2'], false],
    ['group every all w1 w2 w3\nquorum every', ['w1', 'w2', 'w3'], true],
    ['group some any w1 w2 w3\nquorum some', [], false],
    ['group some any w1 w2 w3\nquorum some', ['w3'], true],
    [`${groups}quorum two`, ['w1'], false],
    [`${groups}quorum two`, ['w1', 'w3'], true],
    ['group a 1 w1 w2\ngroup b all a w3\nquorum b', ['w1', 'w2'], false],
    ['group a 1 w1 w2\ngroup b all a w3\nquorum b', ['w2', 'w3'], true],
  ]
  for (const [quorum, names, isEnough] of table) {
    assert.equal(opens(quorum, names), isEnough, `${quorum} by ${names.join(' ')}`)
  }
})

test('a key or an origin that ended vouches for nothing beyond', async () => {
  const [old, young] = [newKey(ORIGIN), newKey(ORIGIN)]
  const [name, id] = old.vkey.split('+')
  const signed = (size: number, key: string) =>
    signCheckpoint({ ...checkpoint, size }, signerOfKey(key))
  const both = `log ${old.vkey}\nlog ${young.vkey}\n`
  const keyEnded = parsePolicy(`${both}ended ${name}+${id} 1000\nquorum none\n`)
  assert.equal(openByPolicy(await signed(1_000, old.key), keyEnded).size, 1_000)
  const late = await signed(1_001, old.key)
  assert.throws(() => openByPolicy(late, keyEnded), { ...unproved, message: /had ended before/ })
  assert.equal(openByPolicy(await signed(1_001, young.key), keyEnded).size, 1_001)
  const overlap = `${late}${await signatureLine(
    checkpointText({ ...checkpoint, size: 1_001 }),
    signerOfKey(young.key),
  )}`
  assert.equal(openByPolicy(overlap, keyEnded).size, 1_001)
  const originEnded = parsePolicy(`${both}ended ${ORIGIN} 1000\nquorum none\n`)
  assert.equal(openByPolicy(await signed(1_000, young.key), originEnded).size, 1_000)
  const beyond = await signed(1_001, young.key)
  assert.throws(() => openByPolicy(beyond, originEnded), { ...unproved, message: /ended at 1000/ })
})

test('a policy is read and printed alike', () => {
  const [log, next] = [newKey(ORIGIN), newKey(`${ORIGIN}/2`)]
  const [one, two] = [newWitness('w1'), newWitness('w2')]
  const text = [
    `log ${log.vkey}`,
    `log ${next.vkey} https://example.com/audit`,
    `ended ${ORIGIN} 5000`,
    `witness w1 ${one.vkey}`,
    `witness w2 ${two.vkey} https://witness.example/`,
    'group both 2 w1 w2',
    'quorum both',
    '',
  ].join('\n')
  assert.equal(printPolicy(parsePolicy(text)), text)
  const spaced = `# ours\n\n \t${text.replaceAll(' ', ' \t ').replace('group both 2', 'group both all')}\n#`
  assert.deepEqual(parsePolicy(spaced), parsePolicy(text))
})

test('what is no policy is refused, and the line is named', () => {
  const { vkey } = newKey(ORIGIN)
  const [one, two] = [newWitness('w1'), newWitness('w2')]
  const witness = `witness w1 ${one.vkey}`
  const refused: readonly (readonly [string, RegExp])[] = [
    ['', /no quorum/],
    [`log ${vkey}\n`, /no quorum/],
    [`log ${vkey}\r\nquorum none\r\n`, /control character/],
    [`logs ${vkey}\nquorum none\n`, /Line 1 /],
    [`log ${vkey}\nlog ${vkey}\nquorum none\n`, /Line 2 /],
    [`log ${vkey} url more\nquorum none\n`, /Line 1 /],
    [`log\nquorum none\n`, /Line 1 /],
    [`log ${one.vkey}\nquorum none\n`, /not for a log/],
    [`witness w1 ${vkey}\nquorum none\n`, /not for a witness/],
    [`${witness}\nwitness w1 ${two.vkey}\nquorum none\n`, /Line 2 /],
    [`${witness}\nwitness w2 ${one.vkey}\nquorum none\n`, /Line 2 /],
    [`witness none ${one.vkey}\nquorum none\n`, /Line 1 /],
    [`quorum w1\n${witness}\n`, /Line 1 /],
    ['quorum none\nquorum none\n', /Line 2 /],
    ['quorum none none\n', /Line 1 /],
    [`${witness}\ngroup g 2 w1\nquorum g\n`, /Line 2 /],
    [`${witness}\ngroup g 0 w1\nquorum g\n`, /Line 2 /],
    [`${witness}\ngroup g all\nquorum g\n`, /Line 2 /],
    [`${witness}\ngroup g some w1\nquorum g\n`, /Line 2 /],
    [`${witness}\ngroup g any none\nquorum g\n`, /Line 2 /],
    [`${witness}\ngroup g 2 w1 w1\nquorum g\n`, /Line 2 /],
    [`${witness}\ngroup w1 any w1\nquorum w1\n`, /Line 2 /],
    [`${witness}\ngroup g any w1\ngroup h all g w1\nquorum h\n`, /Line 3 /],
    [`ended ${ORIGIN} -1\nquorum none\n`, /Line 1 /],
    [`ended ${ORIGIN} 1\nended ${ORIGIN} 2\nquorum none\n`, /Line 2 /],
    [`log ${vkey.slice(0, -1)}\nquorum none\n`, /key/],
  ]
  for (const [text, message] of refused) {
    assert.throws(() => parsePolicy(text), { ...unproved, message }, text)
  }
  assert.equal(keyId(ORIGIN, NOTE_KEY, parseVkey(vkey).publicKey), vkey.split('+')[1])
})
