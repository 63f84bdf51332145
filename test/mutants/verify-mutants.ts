import type { Mutant } from './mutant.ts'

const JUDGE = 'relay/seal/verify/judge-stretch.ts'
const SAID = 'relay/seal/verify/said.ts'
const ORIGIN = 'relay/seal/verify/sealed-origin.ts'
const OUTSIDE = 'relay/seal/verify/known-outside.ts'
const RUN = 'relay/seal/verify/verify-log.ts'
const ROWS = 'relay/seal/verify/stretch-rows.ts'
const TREE = 'relay/seal/verify/stored-tree.ts'
const UNSEALED = 'relay/seal/verify/unsealed-rows.ts'
const ANCHOR = 'relay/seal/anchors/witness-anchor.ts'

const entries = { file: 'tamper.test.ts', test: 'tampering: entries' } as const
const removals = { file: 'tamper.test.ts', test: 'tampering: removals' } as const
const unsealed = { file: 'tamper.test.ts', test: 'tampering: unsealed' } as const
const seal = { file: 'tamper.test.ts', test: 'tampering: seal' } as const
const nothing = { file: 'tamper.test.ts', test: 'tampering: nothing' } as const

/** Each check of verify is left out once. */
export const VERIFY_MUTANTS: readonly Mutant[] = [
  {
    name: 'verify compares no entry with its leaf',
    edits: [{ file: JUDGE, find: '!found.leaf.equals(sealed)', replace: 'false' }],
    ...entries,
  },
  {
    name: 'verify passes over sealed numbers that have no entry',
    edits: [
      {
        file: JUDGE,
        find: "this.#add('deleted', seq, `seq ${seq} was sealed and is gone.`)",
        replace: 'this.#expired += 1',
      },
    ],
    ...entries,
  },
  {
    name: 'verify is content with one of several entries of a number',
    edits: [
      { file: JUDGE, find: 'if (others.length > 0) {', replace: 'if (others.length > 1e9) {' },
      {
        file: JUDGE,
        find: 'for (const one of entries) this.#compare(one, erasure, sealed)',
        replace: 'this.#compare(entry, erasure, sealed)',
      },
    ],
    ...entries,
  },
  {
    name: 'verify does not look whether an erased field is empty',
    edits: [
      {
        file: JUDGE,
        find: 'if (filled.length > 0) {',
        replace: 'if (filled.length > 1e9) {',
      },
    ],
    ...entries,
  },
  {
    name: 'verify believes every record of an erasure',
    edits: [
      {
        file: JUDGE,
        find: 'if (unsaid.length === 0 && fields.length > 0) return true',
        replace: 'if (unsaid.length >= 0) return true',
      },
    ],
    ...entries,
  },
  {
    name: 'verify takes an erasure of the future for one that is on its way',
    edits: [
      {
        file: JUDGE,
        find: 'if (erasure.erasedMs <= nowMs && erasure.erasedMs > nowMs - patienceMs) {',
        replace: 'if (erasure.erasedMs > nowMs - patienceMs) {',
      },
    ],
    ...entries,
  },
  {
    name: 'verify does not miss a salt',
    edits: [
      {
        file: 'relay/seal/verify/entry-leaf.ts',
        find: 'if (salt?.length !== SALT_BYTES || salt.every((byte) => byte === 0)) return undefined',
        replace: "if (salt?.length !== SALT_BYTES) return { salt: '00'.repeat(SALT_BYTES) }",
      },
    ],
    ...seal,
  },
  {
    name: 'verify does not find out that entries changed places',
    edits: [
      {
        file: 'relay/seal/verify/other-number.ts',
        find: 'return leafHash(text).equals(sealed)',
        replace: 'return leafHash(text).equals(sealed) && false',
      },
    ],
    ...entries,
  },
  {
    name: 'verify believes the catalogue of partitions',
    edits: [
      {
        file: ROWS,
        find: 'if (Number(last) > (maxSeq ?? Number.POSITIVE_INFINITY)) return false',
        replace: '',
      },
      {
        file: ROWS,
        find: 'if (Number(first) < (minSeq ?? Number.NEGATIVE_INFINITY)) return false',
        replace: '',
      },
    ],
    ...entries,
  },
  {
    name: 'verify believes that a partition is empty',
    edits: [{ file: ROWS, find: 'if (isEmpty) return false', replace: '' }],
    ...entries,
  },
  {
    name: 'verify believes audit_removed',
    edits: [
      {
        file: SAID,
        find: 'findings.push(...removed.map(unsaid))',
        replace: 'runs.push(...removed.map(({ first, last }): Run => [first, last]))',
      },
    ],
    ...removals,
  },
  {
    name: 'verify says nothing of removals that no entry says',
    edits: [{ file: SAID, find: 'findings.push(...removed.map(unsaid))', replace: '' }],
    ...removals,
  },
  {
    name: 'verify takes a removal of the future for one that is on its way',
    edits: [
      {
        file: SAID,
        find: 'return removedMs <= nowMs && removedMs > nowMs - patienceMs',
        replace: 'return removedMs > nowMs - patienceMs',
      },
    ],
    ...removals,
  },
  {
    name: 'verify asks whether an entry says a removal, and not which numbers',
    edits: [
      {
        file: SAID,
        find: 'if (removal !== undefined && says(removal, removed)) {',
        replace: 'if (removal !== undefined) {',
      },
    ],
    ...removals,
  },
  {
    name: 'verify believes what entries say that are not as they were sealed',
    edits: [
      {
        file: RUN,
        find: "if ('leaf' in found && found.leaf.equals(sealed)) return 'sealed'",
        replace: "if ('leaf' in found) return 'sealed'",
      },
    ],
    ...removals,
  },
  {
    name: 'verify forgets what a policy removed once audit_removed is empty',
    edits: [
      {
        file: SAID,
        find: 'if (isSure && said !== undefined) runs.push(...said)',
        replace: '',
      },
    ],
    ...removals,
  },
  {
    name: 'verify takes what a policy removed for deleted',
    edits: [{ file: JUDGE, find: 'if (this.#said.isRemoved(seq)) {', replace: 'if (seq < 0) {' }],
    ...nothing,
  },
  {
    name: 'verify does not miss numbers that are not sealed yet',
    edits: [{ file: UNSEALED, find: 'if (said.isRemoved(seq)) return', replace: 'return' }],
    ...unsealed,
  },
  {
    name: 'verify does not compare the accounts of recorders',
    edits: [
      {
        file: RUN,
        find: 'accounts?.compare(tail.total, expired + this.#goneCount(), this.#findings)',
        replace: '',
      },
    ],
    ...unsealed,
  },
  {
    name: 'verify does not look for entries beyond the numbers of the log',
    edits: [{ file: RUN, find: 'if (seq >= 1 && seq <= lastSeq) continue', replace: 'continue' }],
    ...unsealed,
  },
  {
    name: 'verify does not see two entries of a number that is not sealed yet',
    edits: [
      {
        file: UNSEALED,
        find: "if (seq < expected) findings.add('duplicate', seq, `seq ${seq} has more than one entry.`)",
        replace: '',
      },
    ],
    ...unsealed,
  },
  {
    name: 'verify does not look at hashes behind the newest checkpoint',
    edits: [{ file: UNSEALED, find: 'if (!isGrown(from)) return', replace: 'return' }],
    ...seal,
  },
  {
    name: 'verify compares no tile with the one above it',
    edits: [
      {
        file: TREE,
        find: 'root.length === HASH_BYTES && !rootOfFull(hashes).equals(root)',
        replace: 'root.length < 0',
      },
    ],
    ...seal,
  },
  {
    name: 'verify takes a short tile for a whole one',
    edits: [
      {
        file: TREE,
        find: 'if (hashes.length < width * HASH_BYTES) {',
        replace: 'if (hashes.length < 0) {',
      },
      {
        file: ORIGIN,
        find: 'if (root?.equals(row.root)) return',
        replace: 'if (root === undefined || root.equals(row.root)) return',
      },
      {
        file: OUTSIDE,
        find: 'if (stored === undefined) {',
        replace: 'if (stored === undefined) {\n      found.set(name, size)\n      continue\n',
      },
    ],
    ...seal,
  },
  {
    name: 'verify does not compare the root of a checkpoint with the tiles',
    edits: [
      { file: ORIGIN, find: 'if (root?.equals(row.root)) return', replace: 'if (root) return' },
    ],
    ...seal,
  },
  {
    name: 'verify checks no signature of a checkpoint',
    edits: [
      {
        file: 'relay/seal/verify/trusted-logs.ts',
        find: 'if (this.#keys === undefined) return { checkpoint }',
        replace: 'if (this.#keys) return { checkpoint }',
      },
    ],
    ...seal,
  },
  {
    name: 'verify does not compare the row of a checkpoint with its note',
    edits: [
      {
        file: ORIGIN,
        find: 'return checkpoint.size === size && checkpoint.root.equals(root)',
        replace: 'return checkpoint.size + size + root.length > 0',
      },
    ],
    ...seal,
  },
  {
    name: 'verify does not miss a checkpoint in the middle',
    edits: [
      {
        file: ORIGIN,
        find: 'if (previous !== undefined && row.previous !== previous) {',
        replace: 'if (previous !== undefined && row.previous < 0) {',
      },
    ],
    ...seal,
  },
  {
    name: 'verify does not check cosignatures',
    edits: [{ file: ORIGIN, find: 'if (isTrue !== false) continue', replace: 'continue' }],
    ...seal,
  },
  {
    name: 'verify does not ask for the quorum of the policy',
    edits: [{ file: RUN, find: 'if (trusted.wantsQuorum) {', replace: 'if (false as boolean) {' }],
    ...seal,
  },
  {
    name: 'verify does not compare what was published with the tree',
    edits: [
      {
        file: OUTSIDE,
        find: 'if (!stored.equals(root)) {',
        replace: 'if (stored.length < 0) {',
      },
    ],
    ...seal,
  },
  {
    name: 'verify counts from what the database offers, and not from what is known outside',
    edits: [
      {
        file: OUTSIDE,
        find: "    findings.add(\n      'rolled-back',",
        replace: "    if (held === undefined) findings.add(\n      'rolled-back',",
      },
    ],
    ...seal,
  },
  {
    name: 'verify is content without a checkpoint that was kept outside',
    edits: [{ file: RUN, find: 'if (anchor === undefined) {', replace: 'if (false as boolean) {' }],
    ...nothing,
  },
  {
    name: 'verify is content with checkpoints of another log',
    edits: [{ file: RUN, find: 'if (outside.named.has(name)) continue', replace: 'continue' }],
    ...seal,
  },
  {
    name: 'verify is content with a head below what is sealed',
    edits: [{ file: ORIGIN, find: 'if (usable.size > held) {', replace: 'if (held < 0) {' }],
    ...seal,
  },
  {
    name: 'verify is green without having compared all entries',
    edits: [
      {
        file: RUN,
        find: 'if (this.#findings.code === 0 && rows + expired !== leaves) {',
        replace: 'if (rows < 0) {',
      },
      {
        file: JUDGE,
        find: '      this.#rows += 1\n',
        replace: '',
      },
    ],
    file: 'verify.test.ts',
    test: 'the command prints a line for each finding and exits with what they mean',
  },
  {
    name: 'verify does not mind how long entries wait for their seal',
    edits: [{ file: RUN, find: 'if (lagMs > this.#maxLagMs) {', replace: 'if (lagMs < 0) {' }],
    file: 'verify.test.ts',
    test: 'entries that wait for their seal for too long are an outcome of their own',
  },
  {
    name: 'verify does not look twice where something does not fit',
    edits: [
      {
        file: 'relay/seal/verify/walk.ts',
        find: 'judged.findings.length > 0 && this.#confirmed < MOST_CONFIRMED',
        replace: 'judged.findings.length > 0 && this.#confirmed < 0',
      },
    ],
    file: 'verify.test.ts',
    test: 'an erasure or a removal that comes while the log is verified is no finding',
  },
  {
    name: 'verify goes on from a checkpoint that is not in the tree',
    edits: [
      {
        file: OUTSIDE,
        find: 'misfits.push({ name, size, isOutside: true })',
        replace: 'found.set(name, size)',
      },
    ],
    file: 'verify.test.ts',
    test: 'an earlier checkpoint that is not in the tree is a fork, one of another log no beginning',
  },
  {
    name: 'verify does not check a tile of the sample against those above it',
    edits: [
      {
        file: 'relay/seal/verify/walk.ts',
        find: 'await origin.tree.check({ level: 0, n })',
        replace: '',
      },
    ],
    file: 'verify.test.ts',
    test: 'a hash in a tile that is not read is found by a sample of its tile',
  },
  {
    name: 'an anchor takes any answer of a witness for its cosignature',
    edits: [
      {
        file: ANCHOR,
        find: "if (own.length > 0 && isTrue(note + own.join(''), witness)) return own",
        replace: 'if (own.length >= 0 || isTrue(note, witness)) return own',
      },
    ],
    file: 'anchors.test.ts',
    test: 'what answers in the place of a witness is not believed, followed or waited for',
  },
  {
    name: 'an anchor takes a fork for a failure',
    edits: [
      {
        file: ANCHOR,
        find: 'if (status === 422 || status === 409) {',
        replace: 'if (status === 1422) {',
      },
    ],
    file: 'anchors.test.ts',
    test: 'a witness that has seen another log under the name raises an alarm at once',
  },
]
