import { AuditError } from '../../src/errors.ts'
import { altered } from '../../src/seal/not-proved.ts'
import { openCheckpoint } from '../../src/seal/note.ts'
import { consistencyPath, type ReadTile, rootOfTiles } from '../../src/seal/tiles.ts'
import { emptyRoot, verifyConsistency } from '../../src/seal/tree.ts'
import type { KnownRoot, SealMemory } from './memory.ts'
import { keysAfter, type SealKeys, treeName, trustedKeys } from './seal-keys.ts'
import type { SealedTree, SealState } from './seal-statements.ts'

/** What the database has, and what a sealer knows of it. */
interface Compared {
  readonly state: SealState
  readonly tree: SealedTree
  readonly memory: SealMemory | undefined
  readonly keys: SealKeys
}

/** A tree on which a sealer may build, and what it has to remember of it. */
export interface TrustedTree extends SealedTree {
  readonly root: Buffer
}

const DECLARE =
  'Nothing is sealed until somebody runs "audit-relay restored", which begins a new tree of the seal.'

/**
 * Whether a sealer refuses to go on until a person has looked: the database is not the one that it
 * knows, or what it finds there was not signed by its keys.
 */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof AuditError &&
    (error.code === 'AUDIT_HISTORY_CHANGED' || error.code === 'AUDIT_NOT_PROVED')
  )
}

/**
 * The number of the tree to begin in a database that has none.
 *
 * @throws {AuditError} `AUDIT_HISTORY_CHANGED` where this sealer has sealed this log before
 */
export function firstTree(state: SealState, memory: SealMemory | undefined): number {
  if (memory === undefined) return 1
  if (state.isDeclared && state.history !== memory.history) return memory.origin + 1
  throw changed(`The database knows of no seal, and ${memory.size} leaves of ${memory.name} exist.`)
}

/**
 * Compares the newest checkpoint of the database with the sealer's own memory, before anything is built
 * on it: anyone who has the relay's login can put a row there, and an older copy of a database holds
 * checkpoints that were true. Everything that is sealed later would prove the wrong history.
 *
 * @returns what the sealer remembers from now on
 * @throws {AuditError} `AUDIT_OPTION_INVALID` for a key of another name; `AUDIT_HISTORY_CHANGED` where
 * the database is an older copy, or has begun a history that nobody declared; `AUDIT_NOT_PROVED` where
 * the checkpoint is not signed, or the tiles do not have its root
 */
export async function trust(
  compared: Compared,
  read: ReadTile,
): Promise<{ readonly tree: TrustedTree; readonly memory: SealMemory }> {
  checkName(compared)
  checkHistory(compared)
  const { state, tree, keys } = compared
  const memory = memoryOf(compared)
  if (tree.size < memory.size) {
    throw changed(
      `${memory.size} leaves of ${tree.name} were sealed, and the database has ${tree.size}.`,
    )
  }
  if (state.head < tree.firstSeq - 1 + tree.size) {
    throw changed(
      `The log ends at ${state.head}, and is sealed up to ${tree.firstSeq - 1 + tree.size}.`,
    )
  }
  const available = state.head - tree.firstSeq + 1
  if (memory.pending && memory.pending.size > available) {
    throw changed(
      `${tree.name} was about to be signed at ${memory.pending.size}, and the log ends before.`,
    )
  }
  const root = rootOf(tree, trustedKeys(keys, memory.keys, tree))
  const trusted = { ...tree, root }
  await checkGrowth(trusted, memory, read)
  return {
    tree: trusted,
    memory: { ...grown(memory, trusted), keys: keysAfter(keys, memory.keys, tree) },
  }
}

function checkName({ tree, keys }: Compared): void {
  const wanted = treeName(keys.name, tree.origin)
  if (tree.name === wanted) return
  throw new AuditError(
    'AUDIT_OPTION_INVALID',
    `The seal of this log is called ${tree.name}, and the key is for ${wanted}. A key is replaced by ` +
      'one of the same name: "audit-relay keys rotate".',
  )
}

function checkHistory({ state, tree, memory }: Compared): void {
  if (tree.history !== state.history) {
    throw changed(
      'The log has begun a new history, as on another server, and nobody has declared it.',
    )
  }
  if (memory === undefined || memory.origin < tree.origin) return
  if (memory.origin > tree.origin) {
    throw changed(`The seal is at ${memory.name}, and the database knows only ${tree.name}.`)
  }
  if (memory.history !== tree.history) {
    throw changed(`There was a tree ${tree.name} in another copy of this log already.`)
  }
}

/** What is known of the tree before it is compared. A tree that a restore began is new. */
function memoryOf({ tree, memory }: Compared): SealMemory {
  if (memory?.origin === tree.origin) return memory
  const { origin, name, history } = tree
  const ended = memory ? [...memory.ended, lastOf(memory)] : []
  const root = emptyRoot().toString('base64')
  return { origin, name, history, size: 0, root, keys: memory?.keys ?? [], ended }
}

/** The last that may have been published of a tree. */
function lastOf({ name, size, root, pending }: SealMemory): KnownRoot & { readonly name: string } {
  return { name, ...(pending ?? { size, root }) }
}

/** The root of the newest checkpoint, once its signature was opened. */
function rootOf(tree: SealedTree, vkeys: readonly string[]): Buffer {
  if (tree.size === 0) return emptyRoot()
  const { name, size, root } = tree
  const signed = openCheckpoint(tree.note ?? '', vkeys)
  if (root && signed.origin === name && signed.size === size && signed.root.equals(root))
    return root
  throw altered(`The newest checkpoint of ${name} is not the one that was signed.`)
}

/** The tiles have the signed root, and grew out of what the sealer knows and has signed. */
async function checkGrowth(tree: TrustedTree, memory: SealMemory, read: ReadTile): Promise<void> {
  const { name, size, root } = tree
  if (!(await rootOfTiles(size, read)).equals(root)) {
    throw altered(`The tiles of ${name} do not have the root of its newest checkpoint.`)
  }
  const known = memory.pending && memory.pending.size <= size ? [memory, memory.pending] : [memory]
  for (const { size: from, root: base64 } of known) {
    const fromRoot = Buffer.from(base64, 'base64')
    const path = await consistencyPath(from, size, read)
    if (verifyConsistency({ from, to: size, fromRoot, toRoot: root, path })) continue
    throw changed(`What was sealed of ${name} at ${from} is not in the tree of the database.`)
  }
}

/** With what is known now. What is pending stays so until the tree has it. */
function grown(memory: SealMemory, { size, root, note }: TrustedTree): SealMemory {
  const { pending, ...rest } = memory
  const isOpen = pending !== undefined && pending.size > size
  return { ...rest, size, root: root.toString('base64'), note, ...(isOpen && { pending }) }
}

/** An `AUDIT_HISTORY_CHANGED` error, with what to do. */
export function changed(why: string): AuditError {
  return new AuditError(
    'AUDIT_HISTORY_CHANGED',
    `${why} It was restored, a failover lost commits, or somebody changed it. ${DECLARE}`,
  )
}
