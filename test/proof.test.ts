import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  newKey,
  parseCheckpoint,
  openNote,
  signatureLine,
  signCheckpoint,
  signerOfKey,
} from '../src/seal/note.ts'
import { parseProof, printProof, printSeal, verifyProof } from '../src/seal/proof.ts'
import { scratchFolder } from './support/exports.ts'
import { goldenLeaves } from './support/golden-leaves.ts'
import { cosignature, ORIGIN, type ProofCase, proofOfGolden } from './support/proofs.ts'

const SEAL = fileURLToPath(new URL('../src/seal/', import.meta.url))
/** Each takes three files: of a line, of a proof and of a policy. */
const PROGRAMS = [
  ['node', path.join(SEAL, 'verify-proof.mjs')],
  ['python3', path.join(SEAL, 'verify_proof.py')],
] as const
const HAS_PYTHON = spawnSync('python3', ['--version']).status === 0

/** 0: proved. 5: what is shown is not what was sealed. 6: nothing that the policy trusts says so. */
type Code = 0 | 5 | 6

interface Tried extends ProofCase {
  readonly name: string
  readonly code: Code
}

function codeOf({ line, proof, policy }: ProofCase): Code {
  try {
    verifyProof(line, proof, policy)
    return 0
  } catch (error) {
    assert.equal(Reflect.get(Object(error), 'code'), 'AUDIT_NOT_PROVED', String(error))
    return Reflect.get(Object(error), 'kind') === 'altered' ? 5 : 6
  }
}

/** One thing is wrong in each, or nothing. */
async function table(): Promise<readonly Tried[]> {
  const base = await proofOfGolden('every field')
  const { vkey, note } = base
  const { text } = openNote(note)
  const [w1, w2] = [cosignature('w1.example'), cosignature('w2.example')]
  const policyOf = (...lines: readonly string[]) => `log ${vkey}\n${lines.join('\n')}\n`
  const witnessed = policyOf(
    `witness w1 ${w1.vkey}`,
    `witness w2 ${w2.vkey}`,
    'group both all w1 w2',
    'quorum both',
  )
  const cosigned = `${base.proof}${w1.line(text)}${w2.line(text)}`
  const [name, id] = vkey.split('+')
  const salt = /"salt":"([0-9a-f]{32})"/.exec(base.line)?.[1] ?? ''
  const body = (line: string) => line.replace(/,"seal":.*$/, '').trimEnd()
  const sealed = (line: string, seal: unknown) => `${body(line)},"seal":${JSON.stringify(seal)}}\n`
  const { index, path: hashes } = parseProof(base.proof)
  const other = newKey(ORIGIN)
  const foreign = await signCheckpoint(parseCheckpoint(text), signerOfKey(other.key))
  const erased = goldenLeaves.erased.map(({ of, fields, line, opening }) => ({
    of,
    fields,
    line,
    opening,
  }))
  const cases: [string, Code, Partial<ProofCase>][] = [
    ['as it is', 0, {}],
    ['without its line feed', 0, { line: base.line.trimEnd() }],
    ['a comment and blanks in the policy', 0, { policy: `# ours\n\n  log\t${vkey}\nquorum none` }],
    ['a log more in the policy', 0, { policy: policyOf(`log ${other.vkey}`, 'quorum none') }],
    ['a signature that nobody knows', 0, { proof: `${base.proof}${w1.line(text)}` }],
    ['both witnesses', 0, { proof: cosigned, policy: witnessed }],
    [
      'the key ended at this size',
      0,
      { policy: policyOf(`ended ${name}+${id} 700`, 'quorum none') },
    ],
    ['the log ended at this size', 0, { policy: policyOf(`ended ${name} 700`, 'quorum none') }],
    ['two line feeds', 5, { line: `${base.line}\n` }],
    ['no line', 5, { line: '' }],
    ['no seal', 5, { line: `${body(base.line)}}\n` }],
    ['a value changed', 5, { line: base.line.replace('"count": 3', '"count": 4') }],
    ['a space more', 5, { line: base.line.replace('"count": 3', '"count":  3') }],
    ['another seq', 5, { line: base.line.replace('"seq":2', '"seq":3') }],
    ['another user', 5, { line: base.line.replace('000000000901', '000000000911') }],
    ['no user', 5, { line: base.line.replace(/"user_id":"[^"]*"/, '"user_id":null') }],
    [
      'two keys swapped',
      5,
      { line: base.line.replace(/("action":[^,]*),("entity_type":[^,]*)/, '$2,$1') },
    ],
    ['a key more', 5, { line: base.line.replace('"seq":2', '"seq":2,"more":1') }],
    ['another salt', 5, { line: sealed(base.line, { salt: salt.replace(/^./, 'f') }) }],
    ['a salt in capitals', 5, { line: base.line.replace(salt, salt.toUpperCase()) }],
    ['a salt that is too short', 5, { line: sealed(base.line, { salt: salt.slice(2) }) }],
    ['a seal that opens nothing', 5, { line: sealed(base.line, {}) }],
    [
      'a salt and an opening',
      5,
      { line: sealed(base.line, { salt, user_id: { salt: 'ab'.repeat(12) } }) },
    ],
    ['a byte order mark', 5, { line: `\ufeff${base.line}` }],
    ['no proof', 5, { proof: '' }],
    ['another version of proofs', 5, { proof: base.proof.replace('@v1', '@v2') }],
    ['another index', 5, { proof: base.proof.replace('index 4', 'index 5') }],
    ['an index with a zero before', 5, { proof: base.proof.replace('index 4', 'index 04') }],
    ['an index beyond the tree', 5, { proof: base.proof.replace('index 4', 'index 700') }],
    ['a hash less', 5, { proof: printProof({ index, path: hashes.slice(1), note }) }],
    ['the last hash less', 5, { proof: printProof({ index, path: hashes.slice(0, -1), note }) }],
    [
      'a hash more',
      5,
      { proof: printProof({ index, path: [...hashes, ...hashes.slice(0, 1)], note }) },
    ],
    [
      'a hundred hashes',
      5,
      { proof: printProof({ index, path: Array(100).fill(hashes[0]), note }) },
    ],
    ['hashes swapped', 5, { proof: printProof({ index, path: hashes.toReversed(), note }) }],
    ['another size', 5, { proof: base.proof.replace('\n700\n', '\n701\n') }],
    ['no signature', 5, { proof: base.proof.replace(/\n— .*\n$/, '\n') }],
    ['cut off', 5, { proof: base.proof.slice(0, -20) }],
    ['line feeds of Windows', 5, { proof: base.proof.replaceAll('\n', '\r\n') }],
    [
      'a false signature more',
      5,
      { proof: `${base.proof}${await signatureLine(`${text}x`, signerOfKey(base.key))}` },
    ],
    [
      'a witness of another checkpoint',
      5,
      {
        proof: `${base.proof}${w1.line(text)}${w2.line(text.replace('700', '701'))}`,
        policy: witnessed,
      },
    ],
    ['another key', 6, { policy: `log ${other.vkey}\nquorum none\n` }],
    ['signed by another key', 6, { proof: printProof({ index, path: hashes, note: foreign }) }],
    [
      'another origin',
      6,
      { proof: base.proof.replaceAll('example.com/audit', 'example.com/other') },
    ],
    ['no log', 6, { policy: 'quorum none\n' }],
    ['no policy', 6, { policy: '' }],
    ['no quorum', 6, { policy: `log ${vkey}\n` }],
    ['a word that policies do not have', 6, { policy: policyOf('trust none', 'quorum none') }],
    ['a quorum of nobody', 6, { policy: policyOf('quorum w1') }],
    [
      'a key with a letter changed',
      6,
      {
        policy: policyOf('quorum none')
          .replace(/.\nquorum/, 'A\nquorum')
          .replace(
            vkey,
            (all) => `${all.slice(0, 40)}${all[40] === 'A' ? 'B' : 'A'}${all.slice(41)}`,
          ),
      },
    ],
    ['the key of a witness as a log', 6, { policy: `log ${w1.vkey}\nquorum none\n` }],
    ['no witness', 6, { policy: witnessed }],
    ['one witness of two', 6, { proof: `${base.proof}${w1.line(text)}`, policy: witnessed }],
    ['the key had ended', 6, { policy: policyOf(`ended ${name}+${id} 699`, 'quorum none') }],
    ['the log had ended', 6, { policy: policyOf(`ended ${name} 699`, 'quorum none') }],
  ]
  const tried = cases.map(([what, code, changed]) => ({ ...base, name: what, code, ...changed }))
  for (const { of, fields, line, opening } of erased) {
    const given = await proofOfGolden(of)
    const shown = (blank: string) => `${blank.slice(0, -1)}${printSeal(opening)}\n`
    const filled = line.replace(/("user_id":)null|("metadata":)\{\}/, (all) =>
      all.startsWith('"user') ? '"user_id":"x"' : '"metadata":{"a": 1}',
    )
    tried.push({ ...given, name: `${of} without ${fields}`, code: 0, line: shown(line) })
    if (filled !== line && fields.some((field) => /user_id|metadata/.test(field))) {
      tried.push({ ...given, name: `${of}, ${fields} written back`, code: 5, line: shown(filled) })
    }
    const twice = shown(line).replace(
      /(,"context":\{"(?:salt|erased)":"[0-9a-f]+"\})\}\}\n$/,
      '$1$1}}\n',
    )
    tried.push({ ...given, name: `${of}, context opened twice`, code: 5, line: twice })
  }
  // Every third, because each one starts a process of each program.
  for (const { name: what } of goldenLeaves.entries.filter((_, at) => at % 3 === 1)) {
    tried.push({ ...(await proofOfGolden(what, { index: 299, size: 300 })), name: what, code: 0 })
  }
  const alone = await proofOfGolden('only a user', { index: 0, size: 1 })
  tried.push({ ...alone, name: 'the only entry of a tree', code: 0 })
  return tried
}

test('a proof tells the entry, the log and the size of its tree', async () => {
  const { line, proof, policy } = await proofOfGolden('every field')
  assert.deepEqual(verifyProof(line, proof, policy), { seq: 2, size: 700, origin: ORIGIN })
})

test('what is wrong with a line, a proof or a policy is refused', async () => {
  const cases = await table()
  assert.ok(cases.length > 80)
  for (const tried of cases) assert.equal(codeOf(tried), tried.code, tried.name)
})

/** The program's exit code for each case, two at a time. */
async function exitCodes(
  program: readonly [string, string],
  cases: readonly ProofCase[],
  folder: string,
): Promise<readonly (number | null)[]> {
  const codes: (number | null)[] = []
  const run = async (at: number) => {
    const tried = cases[at]
    if (tried === undefined) return
    const files = (['line', 'proof', 'policy'] as const).map((name) => {
      const file = path.join(folder, `${path.basename(program[1])}-${at}.${name}`)
      fs.writeFileSync(file, tried[name])
      return file
    })
    const child = spawn(program[0], [program[1], ...files], { stdio: 'pipe' })
    codes[at] = await new Promise((resolve) => child.on('close', resolve))
    await run(at + 2)
  }
  await Promise.all([run(0), run(1)])
  return codes
}

test('the programs are short enough to be read', () => {
  for (const [, program] of PROGRAMS) {
    const lines = fs.readFileSync(program, 'utf8').split('\n').length - 1
    assert.ok(lines < 60, `${program} has ${lines} lines`)
  }
})

test('the programs that need nothing of the package agree with it', async (t) => {
  const cases = await table()
  for (const program of PROGRAMS) {
    if (program[0] === 'python3' && !HAS_PYTHON) {
      t.diagnostic('python3 is not here: verify_proof.py was not tried')
      continue
    }
    const codes = await exitCodes(program, cases, scratchFolder(t))
    assert.deepEqual(
      cases.map(({ name }, at) => `${codes[at]} ${name}`),
      cases.map(({ name, code }) => `${code} ${name}`),
      program[1],
    )
  }
})

/** With one bit of one byte changed. */
function changedAt(tried: ProofCase, file: keyof ProofCase, at: number, mask: number): ProofCase {
  const bytes = Buffer.from(tried[file])
  bytes[at] = (bytes[at] ?? 0) ^ mask
  return { ...tried, [file]: bytes.toString('latin1') }
}

const FILES = ['line', 'proof', 'policy'] as const

test('no byte of a line, a proof or a policy can be changed', async () => {
  const { line, proof, policy } = await proofOfGolden('every field')
  const tried = { line, proof, policy }
  for (const file of FILES) {
    for (let at = 0; at < Buffer.byteLength(tried[file]); at += 1) {
      for (const mask of [1, 32]) {
        const changed = changedAt(tried, file, at, mask)
        const text = Buffer.from(changed[file], 'latin1').toString()
        assert.notEqual(codeOf({ ...changed, [file]: text }), 0, `${file}, byte ${at} ^ ${mask}`)
      }
    }
  }
})

test('the programs refuse changed bytes, too', async (t) => {
  const { line, proof, policy } = await proofOfGolden('every field')
  const tried = { line, proof, policy }
  const step = Number(process.env['AUDIT_PROOF_STEP'] ?? 127)
  const cases = FILES.flatMap((file) =>
    Array.from({ length: Math.ceil(Buffer.byteLength(tried[file]) / step) }, (_, at) => {
      const place = (at * step + (at % step)) % Buffer.byteLength(tried[file])
      const changed = changedAt(tried, file, place, at % 2 === 0 ? 1 : 32)
      return { ...changed, [file]: Buffer.from(changed[file], 'latin1').toString() }
    }),
  )
  for (const program of PROGRAMS) {
    if (program[0] === 'python3' && !HAS_PYTHON) continue
    const codes = await exitCodes(program, cases, scratchFolder(t))
    assert.deepEqual(
      codes.map((code) => code === 5 || code === 6),
      cases.map(() => true),
    )
    assert.deepEqual(codes, cases.map(codeOf), program[1])
  }
})
