import type { Mutant } from './mutant.ts'

const FUNCTIONS = 'src/schema/migrations/0001_functions.sql'
const [TRUST, SEALER, KEYS] = ['trust', 'sealer', 'seal-keys'].map(
  (name) => `relay/seal/${name}.ts`,
) as [string, string, string]
const PUBLISHER = 'relay/seal/publisher.ts'

interface Mistake {
  readonly name: string
  /** Where the mistake is. */
  readonly place: string
  readonly find: string
  readonly replace: string
  /** Default: seal-trust.test.ts */
  readonly file?: string
  readonly test: string
}

const OLDER =
  'an older copy is not sealed until a restore is declared, and then as a tree of its own'
const AGAIN =
  'a copy that is restored again gets a further tree, and never the name of one that was signed'
const LOST = 'what was signed and not stored is not signed otherwise after a failover that lost it'
const STORED = 'what was signed and not stored is sealed as it was, before anything else'
const FORGED = 'a checkpoint of another key, or another root, is not built upon'
const DAMAGED = 'a damaged tile, and a head below the seal, are not built upon'
const LEAVES = 'the sealed hashes are those of the leaves, whichever partitions hold them'
const GROWS = 'nobody but its functions changes the seal, and they only let it grow'

const MISTAKES: readonly Mistake[] = [
  {
    name: 'a sealer takes any name for its own',
    place: TRUST,
    find: 'if (tree.name === wanted) return',
    replace: 'if (tree.name !== "") return',
    test: 'a key of another name seals nothing',
  },
  {
    name: 'a sealer goes on in a history that nobody declared',
    place: TRUST,
    find: 'if (tree.history !== state.history) {',
    replace: 'if (tree.history === "") {',
    test: 'a new history that nobody declared is not sealed',
  },
  {
    name: 'a sealer does not see that the database has less than it has sealed',
    place: TRUST,
    find: 'if (tree.size < memory.size) {',
    replace: 'if (tree.size < 0) {',
    test: OLDER,
  },
  {
    name: 'a sealer forgets a further tree of its log',
    place: TRUST,
    find: 'if (memory.origin > tree.origin) {',
    replace: 'if (memory.origin < 0) {',
    test: OLDER,
  },
  {
    name: 'a tree gets the name of another one',
    place: TRUST,
    find: 'if (memory.history !== tree.history) {',
    replace: 'if (memory.history === "") {',
    test: AGAIN,
  },
  {
    name: 'a sealer begins again in a database that knows of no seal',
    place: TRUST,
    find: 'if (state.isDeclared && state.history !== memory.history) return',
    replace: 'if (state.head > 0) return',
    test: 'a copy from before the first seal is not sealed as if it had never been',
  },
  {
    name: 'a sealer does not see that the log ends before its seal',
    place: TRUST,
    find: 'if (state.head < tree.firstSeq - 1 + tree.size) {',
    replace: 'if (state.head < 0) {',
    test: DAMAGED,
  },
  {
    name: 'a sealer does not see that what it was about to sign is lost',
    place: TRUST,
    find: 'if (memory.pending && memory.pending.size > available) {',
    replace: 'if (memory.pending && available < 0) {',
    test: LOST,
  },
  {
    name: 'a sealer does not open the signature of a checkpoint',
    place: TRUST,
    find: "const signed = openCheckpoint(tree.note ?? '', vkeys)",
    replace: 'const signed = { origin: name, size, root: root ?? Buffer.from(vkeys.join()) }',
    test: FORGED,
  },
  {
    name: 'a sealer does not compare a checkpoint with what was signed',
    place: TRUST,
    find: 'if (root && signed.origin === name && signed.size === size && signed.root.equals(root))',
    replace: 'if (root && signed.origin === name)',
    test: FORGED,
  },
  {
    name: 'a sealer does not compare the tiles with the signed root',
    place: TRUST,
    find: 'if (!(await rootOfTiles(size, read)).equals(root)) {',
    replace: 'if ((await rootOfTiles(size, read)).length === 0) {',
    test: DAMAGED,
  },
  {
    name: 'a sealer does not see that the tree is another one',
    place: TRUST,
    find: 'if (verifyConsistency({ from, to: size, fromRoot, toRoot: root, path })) continue',
    replace: 'if (path.length >= 0 || fromRoot) continue',
    test: 'a tree that does not continue what the sealer knows is not built upon',
  },
  {
    name: 'a sealer does not look for what it has signed and not stored',
    place: TRUST,
    find: 'memory.pending && memory.pending.size <= size ? [memory, memory.pending] : [memory]',
    replace: '[memory]',
    test: LOST,
  },
  {
    name: 'a sealer signs before it has remembered',
    place: SEALER,
    find: '    await store.save({ ...memory, pending: next })\n',
    replace: '',
    test: STORED,
  },
  {
    name: 'a sealer signs something else for the same size',
    place: SEALER,
    find: 'if (memory.pending?.size === size && memory.pending.root !== next.root) {',
    replace: 'if (memory.pending?.size === -1) {',
    test: LOST,
  },
  {
    name: 'a sealer goes beyond what it has signed and not stored',
    place: SEALER,
    find: 'memory.pending?.size ?? tree.size',
    replace: 'tree.size',
    test: STORED,
  },
  {
    name: 'a missing number is no alarm',
    place: SEALER,
    find: 'if (leaves.missingCount > 0) this',
    replace: 'if (leaves.missingCount < 0) this',
    file: 'sealer.test.ts',
    test: 'a number without an entry is sealed as missing, and an alarm',
  },
  {
    name: 'a key that signs no more proves what was never signed by it',
    place: KEYS,
    find: '.filter(({ ended }) => !ended || (ended.tree === name && size <= ended.size))',
    replace: '.filter(() => size >= 0)',
    test: 'a key is replaced by way of both, and the old one then proves no more',
  },
  {
    name: 'a false signature is taken',
    place: KEYS,
    find: 'if (isSignature(publicKey, bytes, signature)) return signature',
    replace: 'if (isSignature(publicKey, bytes, signature) || signature) return signature',
    file: 'seal-commands.test.ts',
    test: 'a relay in an application seals with a key that never leaves its place',
  },
  {
    name: 'everybody may read the key',
    place: KEYS,
    find: '(mode & FOR_OTHERS) !== 0',
    replace: 'mode < FOR_OTHERS',
    file: 'seal-commands.test.ts',
    test: 'a key that cannot be used ends every command with 2, and is never quoted',
  },
  {
    name: 'what a witness signed is not kept',
    place: PUBLISHER,
    find: 'for (const line of lines) {',
    replace: 'for (const line of lines.slice(1)) {',
    file: 'seal-publisher.test.ts',
    test: 'a witness cosigns what grew, and its line is kept with the checkpoint',
  },
  {
    name: 'a checkpoint is published again and again',
    place: PUBLISHER,
    find: ' && note !== this.#published) {',
    replace: ') {',
    file: 'seal-publisher.test.ts',
    test: 'an anchor that is away delays no other one, and gets the newest when it is back',
  },
  {
    name: 'a restore begins no tree of its own',
    place: FUNCTIONS,
    find: '  order by o.origin desc limit 1;\n  return new_history;',
    replace: '  order by o.origin desc limit 0;\n  return new_history;',
    test: OLDER,
  },
  {
    name: 'a tile may change',
    place: FUNCTIONS,
    find: '      or substr(new.hashes, 1, octet_length(old.hashes)) <> old.hashes\n',
    replace: '',
    test: GROWS,
  },
  {
    name: 'a salt may change',
    place: FUNCTIONS,
    find: "        and decode(repeat('00', 16), 'hex')\n          not in (substr(new.salts, place, 16), substr(old.salts, place, 16))\n",
    replace: '        and new.n < 0\n',
    test: GROWS,
  },
  {
    name: 'leaves are made beyond the head',
    place: FUNCTIONS,
    find: '\n    or to_seq > (select h.seq from audit.audit_head as h)\n',
    replace: '\n',
    file: 'seal-leaves.test.ts',
    test: 'no leaf is made beyond the head of the log',
  },
  {
    name: 'a number that a policy removed is an alarm',
    place: FUNCTIONS,
    find: '    where u.seq > coalesce((\n',
    replace: '    where u.seq > 0 or u.seq > coalesce((\n',
    file: 'seal-leaves.test.ts',
    test: LEAVES,
  },
  {
    name: 'two values of an entry share a salt',
    place: FUNCTIONS,
    find: "audit.commitment(keys, 37, 'metadata='",
    replace: "audit.commitment(keys, 49, 'metadata='",
    file: 'seal-leaves.test.ts',
    test: 'the golden entries have their leaves in SQL',
  },
  {
    name: 'retention removes what is not sealed yet',
    place: FUNCTIONS,
    find: 'if built.last_seq > audit.sealed_through() and exists',
    replace: 'if built.last_seq < 0 and exists',
    file: 'retention.test.ts',
    test: 'what is not sealed yet is not removed where the log is sealed',
  },
]

export const SEAL_MUTANTS: readonly Mutant[] = MISTAKES.map(
  ({ name, place, find, replace, file = 'seal-trust.test.ts', test }) => ({
    ...{ name: `seal: ${name}`, file, test },
    edits: [{ file: place, find, replace }],
  }),
)
