import type { Mutant } from './mutant.ts'

const LEAF = 'src/seal/leaf.ts'
const TREE = 'src/seal/tree.ts'
const NOTE = 'src/seal/note.ts'
const KEY = 'src/seal/key.ts'
const POLICY = 'src/seal/policy.ts'
const PROOF = 'src/seal/proof.ts'
const WALK = 'src/seal/walk.ts'
const ENTRY = 'src/export/prove-entry.ts'
const FILE = 'src/export/sealed/verify-file.ts'

const leaf = 'proof-leaf.test.ts'
const note = 'proof-note.test.ts'
const tree = 'proof-tree.test.ts'
const file = 'proof.test.ts'

const exported = 'export-proofs.test.ts'
const TOGETHER = 'a file that was changed together with its manifest is refused by the policy alone'
const CHANGED_PROOF = 'a proof that was changed, or that nobody signed, proves nothing'
const TABLE = 'what is wrong with a line, a proof or a policy is refused'
const GOLDEN = 'leaves are those that another program computed from the same lines'

interface Made {
  readonly name: string
  readonly of: string
  readonly find: string
  readonly replace: string
  readonly by: string
  readonly test: string
}

function mutant({ name, of, find, replace, by, test }: Made): Mutant {
  return { name, edits: [{ file: of, find, replace }], file: by, test }
}

/** Each check of a verifier, left out once. */
export const PROOF_MUTANTS: readonly Mutant[] = [
  mutant({
    name: 'a field that was erased may hold a value again',
    of: LEAF,
    find: 'if (value === empty) return `"${given.erased}"`',
    replace: 'if (value !== undefined) return `"${given.erased}"`',
    by: leaf,
    test: 'an erased field that holds a value again is refused',
  }),
  mutant({
    name: 'a leaf without the byte of RFC 6962',
    of: LEAF,
    find: "return hash('sha256', Buffer.from(`\\0${text}`), 'buffer')",
    replace: "return hash('sha256', Buffer.from(text), 'buffer')",
    by: leaf,
    test: GOLDEN,
  }),
  mutant({
    name: 'a commitment does not name its field',
    of: LEAF,
    find: 'Buffer.from(`${field}=${value}`)',
    replace: 'Buffer.from(value)',
    by: leaf,
    test: GOLDEN,
  }),
  mutant({
    name: 'the actor has the salt of the user',
    of: LEAF,
    find: 'Buffer.concat([salt, Buffer.of(1)])',
    replace: 'Buffer.concat([salt])',
    by: leaf,
    test: GOLDEN,
  }),
  mutant({
    name: 'a line may hold control characters',
    of: LEAF,
    find: 'if (CONTROL.test(line))',
    replace: 'if (CONTROL.test(""))',
    by: leaf,
    test: 'what is not a line of an export has no leaf',
  }),
  mutant({
    name: 'any value may stand in any column of a line',
    of: LEAF,
    find: 'if (!fits(value, kind))',
    replace: 'if (!fits(value, kind) && value === "")',
    by: leaf,
    test: 'what is not a line of an export has no leaf',
  }),
  mutant({
    name: "a row's salt of any length",
    of: LEAF,
    find: 'if (!isHex(rowSalt, 16))',
    replace: 'if (typeof rowSalt !== "string")',
    by: leaf,
    test: 'a salt or an opening that does not fit is refused',
  }),
  mutant({
    name: 'a seal may open what is no committed field',
    of: LEAF,
    find: 'if (!COMMITTED_FIELDS.some((field) => field === name))',
    replace: 'if (name === "")',
    by: leaf,
    test: 'a salt or an opening that does not fit is refused',
  }),
  mutant({
    name: "a row's salt beside openings of single fields",
    of: LEAF,
    find: 'if (Object.keys(opening).length === 1)',
    replace: 'if (Object.keys(opening).length > 0)',
    by: leaf,
    test: 'a salt or an opening that does not fit is refused',
  }),
  mutant({
    name: 'a node without the byte of RFC 6962',
    of: TREE,
    find: 'Buffer.concat([Buffer.of(1), left, right])',
    replace: 'Buffer.concat([left, right])',
    by: tree,
    test: 'the root is the one of RFC 6962 at every size up to 600 and at 70,000',
  }),
  mutant({
    name: 'an inclusion proof that ends below the root is enough',
    of: TREE,
    find: 'return last === 0 && node.equals(root)',
    replace: 'return node.equals(root)',
    by: tree,
    test: 'a node cannot be shown as a leaf',
  }),
  mutant({
    name: 'an inclusion proof never meets the root',
    of: TREE,
    find: 'return last === 0 && node.equals(root)',
    replace: 'return last === 0',
    by: file,
    test: TABLE,
  }),
  mutant({
    name: 'a leaf beyond the tree is in it',
    of: TREE,
    find: '|| index >= size) return false',
    replace: ') return false',
    by: tree,
    test: 'an inclusion proof with one thing changed is refused',
  }),
  mutant({
    name: 'the root of the older tree is not compared',
    of: TREE,
    find: 'return last === 0 && older.equals(fromRoot) && newer.equals(toRoot)',
    replace: 'return last === 0 && newer.equals(toRoot)',
    by: tree,
    test: 'a consistency proof with one thing changed is refused',
  }),
  mutant({
    name: 'the root of the newer tree is not compared',
    of: TREE,
    find: 'return last === 0 && older.equals(fromRoot) && newer.equals(toRoot)',
    replace: 'return last === 0 && older.equals(fromRoot)',
    by: tree,
    test: 'a consistency proof with one thing changed is refused',
  }),
  mutant({
    name: 'two roots of one size are no fork',
    of: TREE,
    find: 'if (from === to) return path.length === 0 && fromRoot.equals(toRoot)',
    replace: 'if (from === to) return path.length === 0',
    by: tree,
    test: 'a consistency proof with one thing changed is refused',
  }),
  mutant({
    name: 'any signature under the name and id of a key is true',
    of: NOTE,
    find: 'if (bytes.length === SIGNATURE_BYTES && isSignature(key.publicKey, message, bytes))',
    replace: 'if (bytes.length <= SIGNATURE_BYTES)',
    by: note,
    test: 'a checkpoint with a byte changed is refused',
  }),
  mutant({
    name: 'a false signature of a known key is passed over',
    of: NOTE,
    find: '.filter(({ name, keyId }) => name === key.name && keyId === key.id)',
    replace:
      '.filter(({ name, keyId, signature: s }) => name === key.name && keyId === key.id && isSignature(key.publicKey, signedPart(text, s, key).message, signedPart(text, s, key).bytes))',
    by: note,
    test: 'signatures of unknown keys are passed over, a false one of a known key is not',
  }),
  mutant({
    name: 'a key of another log may sign a checkpoint',
    of: NOTE,
    find: '.filter(({ name }) => name === checkpoint.origin)',
    replace: '',
    by: note,
    test: 'a checkpoint of another key, or of no key, is not opened',
  }),
  mutant({
    name: 'the size of a checkpoint is any number',
    of: NOTE,
    find: 'hasLines && SIZE.test(digits) &&',
    replace: 'hasLines &&',
    by: note,
    test: 'a note that is not written as a checkpoint is refused, though its key signed it',
  }),
  mutant({
    name: 'a checkpoint may have more lines',
    of: NOTE,
    find: "origin !== '' && end === '' && more === undefined",
    replace: "origin !== ''",
    by: note,
    test: 'a note that is not written as a checkpoint is refused, though its key signed it',
  }),
  mutant({
    name: 'base64 may be written in more than one way',
    of: 'src/seal/base64.ts',
    find: "return bytes.toString('base64') === text ? bytes : undefined",
    replace: 'return bytes',
    by: note,
    test: 'base64 that is written in another way is refused',
  }),
  mutant({
    name: 'a witness signs without its time',
    of: NOTE,
    find: 'Buffer.from(`cosignature/v1\\ntime ${time}\\n${text}`)',
    replace: 'Buffer.from(text)',
    by: note,
    test: 'a witness that cosigned is known with its time',
  }),
  mutant({
    name: 'the id of a vkey is not compared with its key',
    of: KEY,
    find: 'if (keyId(name, type, publicKey) !== id)',
    replace: 'if (id === "")',
    by: note,
    test: 'a vkey with a byte changed is no key',
  }),
  mutant({
    name: 'a damaged key file signs',
    of: KEY,
    find: 'if (keyId(name, NOTE_KEY, publicKey) !== id)',
    replace: 'if (id === "")',
    by: note,
    test: 'a key file that is damaged is refused, and nothing of it is quoted',
  }),
  mutant({
    name: 'a policy without its quorum is met',
    of: POLICY,
    find: 'if (isQuorum(policy, cosigned)) return checkpoint',
    replace: 'if (isQuorum(policy, cosigned) || cosigned) return checkpoint',
    by: file,
    test: TABLE,
  }),
  mutant({
    name: 'one witness is enough for any group',
    of: POLICY,
    find: '.filter((member) => met.has(member)).length >= needed',
    replace: '.some((member) => met.has(member))',
    by: note,
    test: 'the policy says whose cosignatures are enough',
  }),
  mutant({
    name: 'a log that ended may go on',
    of: POLICY,
    find: 'if (lastSizeOf(policy, origin) < size)',
    replace: 'if (lastSizeOf(policy, origin) < 0)',
    by: note,
    test: 'a key or an origin that ended vouches for nothing beyond',
  }),
  mutant({
    name: 'a key that ended may go on',
    of: POLICY,
    find: 'if (!signed.some(({ name, id }) => size <= lastSizeOf(policy, `${name}+${id}`)))',
    replace: 'if (signed.length === 0)',
    by: note,
    test: 'a key or an origin that ended vouches for nothing beyond',
  }),
  {
    name: 'the checkpoint is trusted with any signature',
    edits: [
      {
        file: POLICY,
        find: 'if (signed.length === 0) {',
        replace: 'if (signed.length < 0) {',
      },
      {
        file: POLICY,
        find: 'if (!signed.some(({ name, id }) =>',
        replace: 'if (signed.length > 0 && !signed.some(({ name, id }) =>',
      },
    ],
    file,
    test: TABLE,
  },
  mutant({
    name: 'a witness that is listed twice counts twice',
    of: POLICY,
    find: 'if (this.#keys.has(key) || !this.#define(name)) return false',
    replace: 'if (!this.#define(name)) return false',
    by: note,
    test: 'what is no policy is refused, and the line is named',
  }),
  mutant({
    name: 'the key of a witness may be that of a log',
    of: POLICY,
    find: 'if (key.type === type) return key',
    replace: 'if (key.type > 0) return key',
    by: note,
    test: 'what is no policy is refused, and the line is named',
  }),
  mutant({
    name: 'a member of a group may be one of another',
    of: POLICY,
    find: 'if (!this.#names.has(member) || this.#members.has(member)) return false',
    replace: 'if (!this.#names.has(member)) return false',
    by: note,
    test: 'what is no policy is refused, and the line is named',
  }),
  mutant({
    name: 'a policy needs no quorum',
    of: POLICY,
    find: 'if (this.#quorum === undefined) {',
    replace: "this.#quorum ??= 'none'\n    if (this.#quorum === undefined) {",
    by: file,
    test: TABLE,
  }),
  mutant({
    name: 'a proof is true whatever its hashes say',
    of: PROOF,
    find: 'if (verifyInclusion({ leaf: leafHash(text), index, size, path, root }))',
    replace: 'if (verifyInclusion({ leaf: leafHash(text), index, size, path, root }) || root)',
    by: file,
    test: TABLE,
  }),
  mutant({
    name: 'a seal may open a field twice',
    of: PROOF,
    find: 'if (JSON.stringify(opening) !== seal)',
    replace: 'if (opening === null)',
    by: file,
    test: TABLE,
  }),
  mutant({
    name: 'a proof of any version is read',
    of: PROOF,
    find: 'if (end === -1 || lines[0] !== HEADER)',
    replace: 'if (end === -1)',
    by: file,
    test: TABLE,
  }),
  mutant({
    name: 'the entries of a file may stand in any order, and twice',
    of: WALK,
    find: 'if (this.#lastSeq !== undefined && seq <= this.#lastSeq)',
    replace: 'if (this.#lastSeq !== undefined && seq < 0)',
    by: exported,
    test: TOGETHER,
  }),
  mutant({
    name: 'an entry beyond the tree is in it',
    of: WALK,
    find: 'if (index < 0 || index >= this.#tree.size)',
    replace: 'if (index < 0)',
    by: exported,
    test: TOGETHER,
  }),
  mutant({
    name: 'entries without a seal are no reason to doubt',
    of: FILE,
    find: 'if (walked.unsealed === 0)',
    replace: 'if (walked.unsealed >= 0)',
    by: exported,
    test: 'a line whose seal was taken away, with a proof that fits, is one that nothing proves',
  }),
  mutant({
    name: 'the root of a file is not compared',
    of: FILE,
    find: 'const isRoot = (await walk.root()).equals(root)',
    replace: 'const isRoot = (await walk.root()).length === root.length',
    by: exported,
    test: TOGETHER,
  }),
  mutant({
    name: 'a proof of a file may have hashes that nothing needs',
    of: FILE,
    find: '|| used !== hashes.length)',
    replace: ')',
    by: exported,
    test: CHANGED_PROOF,
  }),
  mutant({
    name: 'the checkpoint of a file is taken as it is',
    of: FILE,
    find: 'const { origin, size, root } = openByPolicy(checkpoint, trusted)',
    replace:
      'const [origin = "", lines = "", hash = ""] = checkpoint.split("\\n")\n  const { size, root } = { size: Number(lines), root: Buffer.from(hash, "base64"), trusted }',
    by: exported,
    test: CHANGED_PROOF,
  }),
  mutant({
    name: 'an entry is proved whatever the tiles say',
    of: ENTRY,
    find: 'if (!verifyInclusion({ leaf, index, size, path, root }))',
    replace: 'if (!verifyInclusion({ leaf, index, size, path, root }) && size < 0)',
    by: 'prove.test.ts',
    test: 'an entry that was changed is named, and no proof of it is written',
  }),
  mutant({
    name: 'an export with proofs does not compare its entries',
    of: 'src/export/sealed/prove-file.ts',
    find: 'if (found !== undefined) await compare(found, tree, read)',
    replace: '',
    by: exported,
    test: 'the command exports with proofs and exits with what the proof is worth',
  }),
]
