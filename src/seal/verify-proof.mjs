// Is this entry what an audit log sealed? Exit code 0: it is. 5: it is not. 6: nothing that the policy trusts says so. 2: usage.
import assert from 'node:assert/strict'
import { createHash, verify } from 'node:crypto'
import { readFileSync } from 'node:fs'
let code = 2 // what the process exits with where the next thing does not hold
process.on('uncaughtException', ({ message }) => [console.error(`not proved: ${message}`), process.exit(code)])
assert(process.argv.length === 5, 'usage: node verify-proof.mjs LINE_FILE PROOF_FILE POLICY_FILE')
const [line, proof, policy] = process.argv.slice(2).map((file) => readFileSync(file, 'latin1')) // a character is a byte
const bytes = (...parts) => Buffer.concat(parts.map((part) => Buffer.from(part, 'latin1')))
const hash = (name, ...parts) => createHash(name).update(bytes(...parts)).digest()
const parse = (what, text, pattern) => new RegExp(pattern).exec(text) ?? assert.fail(`${what} is not as it must be`)
const decode = (text, is = Buffer.from(text, 'base64')) => assert(is.toString('base64') === text, 'damaged base64') ?? is
code = 5 // The proof: the leaf's index, the hashes beside its way up, the checkpoint, and who signed that.
const [, index, path, note] = parse('the proof', proof, /^c2sp\.org\/tlog-proof@v1\nindex (0|[1-9]\d{0,15})\n((?:\S{44}\n){0,53})\n(.+)$/s)
const [, text, origin, size, root, signatures] = parse('the checkpoint', note, /^(([ -\xff]+)\n(0|[1-9]\d{0,15})\n(\S{44})\n)\n((?:\xe2\x80\x94 [^ +\n]+ \S+\n){1,64})$/)
const signed = Array.from(signatures.matchAll(/(\S+) (\S+)\n/g), ([, by, encoded]) => [by, decode(encoded)])
code = 6 // The policy: whose signatures count, how far a log or a key went, and who must have cosigned.
const isSigned = (vkey, type, [, name, id, encoded] = parse('a key', vkey, /^([^+]+)\+([0-9a-f]{8})\+(\S+)$/), key = decode(encoded)) => {
  assert(key.length === 33 && key[0] === type && hash('sha256', name, '\n', key).toString('hex', 0, 4) === id, `${vkey} is damaged`)
  return signed.filter(([by, its]) => {
    if (by !== name || its.toString('hex', 0, 4) !== id || (type === 1 && by !== origin)) return false
    const message = () => bytes(type === 4 ? `cosignature/v1\ntime ${its.readBigUInt64BE(4)}\n` : '', text) // a witness signs its time, too
    const isTrue = its.length === (type === 4 ? 76 : 68) && verify(null, message(), { key: { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url', 1) }, format: 'jwk' }, its.subarray(-64))
    code = isTrue ? 6 : 5
    return isTrue || assert.fail(`the signature of ${name} is false`)
  }).length > 0
}
const [logs, ended, met] = [[], new Map(), new Map([['none', true]])]
for (const [word = '#', name = '', value = '', ...rest] of policy.split('\n').map((one) => one.split(/[ \t]+/).filter(Boolean))) {
  const count = { all: rest.length, any: 1 }[value] ?? Number(value)
  if (word === 'log') isSigned(name, 1) && logs.push(name.split('+', 2).join('+'))
  else if (word === 'ended' && count >= 0) ended.set(name, count)
  else if (word === 'witness') met.set(name, isSigned(value, 4))
  else if (word === 'group' && count > 0) met.set(name, rest.filter((one) => met.get(one)).length >= count)
  else if (word === 'quorum' && met.has(name)) met.set('', met.get(name))
  else assert(word.startsWith('#'), `the policy has a line "${word} ${name}"`)
}
assert(logs.some((key) => [origin, key].every((name) => Number(size) <= (ended.get(name) ?? size))), `no key of the policy signed this for ${origin}, or it had ended before`)
assert(met.get(''), 'the cosignatures that the policy wants are not there')
code = 5 // The leaf: the line, with each personal field replaced by a hash of its salt and its bytes.
const [T, L, O] = ['(null|"(?:[^"\\\\]|\\\\.)*")', '(null|\\[".*?"\\])', '(\\{(?:[^"]|"(?:[^"\\\\]|\\\\.)*")*\\})']
const LINE = `^\\{("seq":(\\d+),[ -\xff]*),"user_id":${T},"actor_id":${T},"target_id":${T},"more_targets":${L},"request_id":${T},"metadata":${O},"context":${O},(.+),"seal":(.+)\\}\\n?$`
const [, head, seq, ...values] = parse('the line', line, LINE)
const places = { user_id: 0, actor_id: 64, target_id: 12, more_targets: 76, request_id: 24, metadata: 36, context: 48 }
const opening = JSON.parse(parse('the seal', values[8], /^\{(?:"salt":"[0-9a-f]{32}"|(?:"[a-z_]+":\{"(?:salt":"[0-9a-f]{24}|erased":"[0-9a-f]{64})"\},?)+)\}$/)[0])
assert(JSON.stringify(opening) === values[8] && Object.keys(opening).every((key) => key === 'salt' || Object.hasOwn(places, key)), 'the seal is damaged')
const salts = bytes(...['', '\x01'].map((more) => hash('sha512', Buffer.from(`${opening.salt}`, 'hex'), more)))
const committed = Object.entries(places).map(([key, place], at) => {
  const [value, { salt, erased }] = [values[at], opening[key] ?? {}]
  assert(erased ? value === (at > 4 ? '{}' : 'null') : value === 'null' || salt || opening.salt, `the seal does not fit ${key}`)
  return `"${key}":${erased ? `"${erased}"` : value === 'null' ? value : `"${hash('sha256', salt ? Buffer.from(salt, 'hex') : salts.subarray(place, place + 12), `${key}=${value}`).toString('hex')}"`}`
})
// The tree: from the leaf up to the root of the checkpoint, by the hashes beside that way.
const rootOf = (at, count, beside, half = 2 ** ((count - 1).toString(2).length - 1), below = beside.slice(0, -1), top = decode(beside.at(-1) ?? '')) => {
  if (count === 1) return assert(beside.length === 0, 'the proof is too long') ?? hash('sha256', `\0{"v":1,${head},${committed},${values[7]}}`)
  return at < half ? hash('sha256', '\x01', rootOf(at, half, below), top) : hash('sha256', '\x01', top, rootOf(at - half, count - half, below))
}
assert(Number(index) < Number(size) && rootOf(Number(index), Number(size), path.match(/\S+/g) ?? []).equals(decode(root)), `this is not what ${origin} sealed`)
console.log(`proved: entry ${seq} is what ${origin} sealed, in a tree of ${size}${Object.keys(opening).map((key) => (opening[key].erased ? `, without ${key}` : '')).join('')}`)
