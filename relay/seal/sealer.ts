import { setTimeout as sleep } from 'node:timers/promises'
import { Outage } from '../../src/database/outage.ts'
import { AuditError } from '../../src/errors.ts'
import { withRetry } from '../../src/database/retry.ts'
import type { AuditLogger } from '../../src/logger.ts'
import { type Checkpoint, checkpointText, signatureLine } from '../../src/seal/note.ts'
import { altered } from '../../src/seal/not-proved.ts'
import { grownTiles, type ReadTile, rootOfTiles, type TileAt } from '../../src/seal/tiles.ts'
import { within } from '../../src/within.ts'
import type { SealMemory, SealMemoryStore } from './memory.ts'
import { type SealKeys, signerFor, treeName } from './seal-keys.ts'
import type { SealState, SealStatements } from './seal-statements.ts'
import { changed, firstTree, isRefusal, type TrustedTree, trust } from './trust.ts'

export interface SealerOptions {
  readonly statements: SealStatements
  readonly keys: SealKeys
  readonly memory: SealMemoryStore
  readonly logger: AuditLogger
  /** Longest time until an entry is sealed, in milliseconds. */
  readonly maxLagMs: number
  /** When so many entries wait, they are sealed at once. */
  readonly maxEntries: number
  /** A clock that only goes forward, in milliseconds. Default: `performance.now`. */
  readonly now?: () => number
}

/** How far the log is sealed, as the sealer last saw it. */
export interface SealReport {
  /** The tree's name; null before the first look. */
  readonly name: string | null
  /** Leaves below the newest checkpoint. */
  readonly size: number
  /** Entries of the log that are not sealed yet. */
  readonly unsealed: number
  /** Numbers that this process sealed as missing. */
  readonly missing: number
  /** Why it refuses to go on until a person has looked; null while it does not. */
  readonly refusal: string | null
}

/** The database as it was seen, and its tree, which was compared with what the sealer knows. */
interface Seen {
  readonly state: SealState
  readonly tree: TrustedTree
}

interface Compared extends Seen {
  readonly memory: SealMemory
  readonly read: ReadTile
}

/** Entries in one statement, and so below one checkpoint, where many wait. */
const CHUNK = 16_384
/**
 * While so many rows wait in the lanes, moving them comes first: the sealer takes small chunks, and
 * rests after each for nine times as long as it took.
 */
const BACKLOG_ROWS = 8_000
const BACKLOG_CHUNK = 2_048
const BACKLOG_REST = 9
const LONGEST_LOOK_MS = 1_000
/** A person needs longer than this to declare a restore. */
const REFUSED_LOOK_MS = 10_000
const REFUSED_LINE_MS = 600_000
const STOP_MS = 10_000

/**
 * Seals the log: adds its new entries to a tree of hashes, and signs the root of it.
 *
 * Any number of sealers may run. None holds a lease: the salts of an entry are made by the sealer that comes
 * first, the tree is a pure function of salts and entries, and of two checkpoints on top of the same
 * one the database takes one. What a sealer signs, or is about to sign, it has remembered outside of
 * the database before: so it signs nothing that does not continue it, whatever became of the database.
 */
export class Sealer {
  readonly #options: Required<SealerOptions>
  readonly #lookMs: number
  readonly #halt = new AbortController()
  readonly #outage: Outage
  #running: Promise<void> | undefined
  #trusted: Seen | undefined
  /** Since when entries wait to be sealed. Undefined: none does. At first: for longer than allowed. */
  #waitingSinceMs: number | undefined = Number.NEGATIVE_INFINITY
  #missing = 0
  #refusal: string | null = null
  #refusedLineMs = Number.NEGATIVE_INFINITY

  constructor(options: SealerOptions) {
    this.#options = { now: () => performance.now(), ...options }
    this.#lookMs = Math.min(LONGEST_LOOK_MS, options.maxLagMs / 5)
    this.#outage = new Outage(options.logger, {
      begins: 'the log cannot be sealed; its entries wait for it',
      goesOn: 'the log still cannot be sealed',
      ends: 'the log is sealed again',
    })
  }

  read(): SealReport {
    const { state, tree } = this.#trusted ?? {}
    return {
      name: tree?.name ?? null,
      size: tree?.size ?? 0,
      unsealed: state && tree ? unsealedOf(state, tree) : 0,
      missing: this.#missing,
      refusal: this.#refusal,
    }
  }

  /** The newest checkpoint that this sealer trusts. */
  get newest(): TrustedTree | undefined {
    const tree = this.#trusted?.tree
    return tree && tree.size > 0 ? tree : undefined
  }

  /** The tiles of a tree, as the database has them. Each is read once. */
  tilesOf({ origin }: Pick<TrustedTree, 'origin'>): ReadTile {
    const known = new Map<string, Promise<Buffer>>()
    return (at) => {
      const name = `${at.level}/${at.n}`
      const tile = known.get(name) ?? this.#options.statements.readTile(origin, at)
      known.set(name, tile)
      return tile
    }
  }

  /**
   * Seals until `stop()`. Safe to call twice.
   *
   * @param endsRefused whether it rejects where it refuses to go on; else it waits for a person
   */
  start({ endsRefused = false } = {}): Promise<void> {
    this.#running ??= this.#run(endsRefused)
    return this.#running
  }

  /** Ends after the checkpoint in hand. Safe to call twice, or before `start`. */
  async stop(): Promise<void> {
    this.#halt.abort()
    await within(
      STOP_MS,
      this.#running?.catch(() => {}),
      () => {},
    )
    await this.#options.statements.close()
  }

  /**
   * Compares the newest checkpoint of the database with what this sealer knows, and seals nothing.
   *
   * @returns undefined where nothing is sealed
   */
  async check(): Promise<TrustedTree | undefined> {
    const { tree } = await this.#options.statements.look(0)
    if (tree) await this.#compare()
    return this.newest
  }

  /**
   * Seals every entry that the log holds now. Do not call it on a sealer that was started.
   *
   * @param onProgress called after each checkpoint
   * @throws {AuditError} `AUDIT_HISTORY_CHANGED` or `AUDIT_NOT_PROVED` where it refuses, and as the
   * statements do
   */
  async drain(onProgress: (report: SealReport) => void = () => {}): Promise<SealReport> {
    const { head } = await this.#options.statements.look(0)
    while (!this.#halt.signal.aborted) {
      const tree = (await this.#look())?.tree
      if (!tree || tree.firstSeq - 1 + tree.size >= head) break
      await this.#seal(CHUNK)
      onProgress(this.read())
    }
    return this.read()
  }

  async #run(endsRefused: boolean): Promise<void> {
    const { signal } = this.#halt
    this.#options.logger.info({ name: this.#options.keys.name }, 'sealer started')
    while (!signal.aborted) {
      let waitMs = REFUSED_LOOK_MS
      try {
        waitMs = await withRetry(() => this.#turn(), {
          signal,
          tearsAttempt: false, // stop() waits for the checkpoint in hand
          isFinal: needsPerson,
          onFailure: (error) => this.#outage.failed(error),
        })
        this.#outage.recovered()
        this.#refusal = null
      } catch (error) {
        if (signal.aborted) break
        if (endsRefused) throw error
        this.#refused(error)
      }
      await sleep(waitMs, undefined, { signal }).catch(() => {}) // an abort ends the wait
    }
  }

  /** Seals a chunk, if that is due. @returns how long to wait for the next turn, in milliseconds */
  async #turn(): Promise<number> {
    const { now, maxLagMs, maxEntries } = this.#options
    const lookedMs = now()
    const seen = await this.#look()
    if (!seen) return this.#lookMs
    const { state, tree } = seen
    const unsealed = unsealedOf(state, tree)
    if (unsealed === 0) {
      this.#waitingSinceMs = undefined
      return this.#lookMs
    }
    this.#waitingSinceMs ??= lookedMs
    // What was logged right after a look waits for the next one, and the turn takes time itself.
    const isOld = lookedMs - this.#waitingSinceMs >= maxLagMs - 2 * this.#lookMs
    if (!isOld && unsealed < maxEntries) return this.#lookMs
    const isBacklog = state.waiting >= BACKLOG_ROWS
    const sealed = await this.#seal(isBacklog ? BACKLOG_CHUNK : CHUNK)
    if (isBacklog) return (now() - lookedMs) * BACKLOG_REST
    if (sealed < state.head) return 0
    // The next entries wait since this look, at most.
    this.#waitingSinceMs = undefined
    return this.#lookMs
  }

  /** What the database says now. Where nothing has changed, what was compared before still holds. */
  async #look(): Promise<Seen | undefined> {
    const state = await this.#options.statements.look(BACKLOG_ROWS)
    const before = this.#trusted
    if (before === undefined || !isSame(before.state, state)) return await this.#compare(state)
    this.#trusted = { state, tree: before.tree }
    return this.#trusted
  }

  /**
   * What the database says now, compared with what this sealer knows. The first tree is begun here.
   *
   * @returns undefined where there is nothing to seal in a log that was never sealed
   */
  async #compare(given?: SealState): Promise<Compared | undefined> {
    const { statements, keys, memory: store } = this.#options
    let state = given ?? (await statements.look(BACKLOG_ROWS))
    const known = await store.load()
    if (state.tree === undefined) {
      if (state.head === 0 && known === undefined) return undefined
      const origin = firstTree(state, known)
      await statements.begin(origin, treeName(keys.name, origin))
      state = await statements.look(BACKLOG_ROWS)
    }
    const { tree: found } = state
    if (found === undefined) throw altered('The tree that was begun is not in the database.')
    const read = this.tilesOf(found)
    const { tree, memory } = await trust({ state, tree: found, memory: known, keys }, read)
    if (JSON.stringify(memory) !== JSON.stringify(known)) await store.save(memory)
    this.#trusted = { state, tree }
    return { state, tree, memory, read }
  }

  /**
   * Seals at most so many entries more.
   *
   * @returns the number up to which the log is sealed then; smaller numbers where another sealer was
   * faster
   */
  async #seal(most: number): Promise<number> {
    const compared = await this.#compare()
    if (!compared) return 0
    const { state, tree, memory, read } = compared
    const first = tree.firstSeq - 1
    // What was signed before, or might have been, comes first, up to exactly its size.
    const size = memory.pending?.size ?? tree.size + Math.min(unsealedOf(state, tree), most)
    if (size === tree.size) return first + size
    const { statements, memory: store } = this.#options
    const leaves = await statements.leaves(first + tree.size + 1, first + size)
    const tiles = await grownTiles(tree.size, leaves.hashes, read)
    const root = await rootOfTiles(size, overlaid(tiles, read))
    const next = { size, root: root.toString('base64') }
    if (memory.pending?.size === size && memory.pending.root !== next.root) {
      throw changed(`${tree.name} was signed at ${size}, and the log gives another root now.`)
    }
    await store.save({ ...memory, pending: next })
    const { origin, name } = tree
    const note = await this.#sign({ origin: name, size, root })
    if (!(await statements.put({ origin, from: tree.size, size, root, note, tiles }))) return first
    await store.save({ ...memory, ...next, note, pending: undefined })
    this.#trusted = { state, tree: { ...tree, size, root, note } }
    if (leaves.missingCount > 0) this.#wereMissing(leaves.missing, leaves.missingCount)
    return first + size
  }

  async #sign(checkpoint: Checkpoint): Promise<string> {
    const text = checkpointText(checkpoint)
    const lines: string[] = []
    for (const signer of this.#options.keys.signers) {
      lines.push(await signatureLine(text, signerFor(signer, checkpoint.origin)))
    }
    return `${text}\n${lines.join('')}`
  }

  #wereMissing(seqs: readonly number[], count: number): void {
    this.#missing += count
    this.#options.logger.error(
      { seqs, count },
      'numbers of the log have no entry, and no policy removed them: they are sealed as missing',
    )
  }

  #refused(error: unknown): void {
    this.#refusal = error instanceof Error ? error.message : 'unknown'
    const nowMs = this.#options.now()
    if (nowMs - this.#refusedLineMs < REFUSED_LINE_MS) return
    this.#refusedLineMs = nowMs
    this.#options.logger.error({ hint: this.#refusal }, 'the log is not sealed any more')
  }
}

/** Whether no retry can help: it refuses to go on, or its settings are wrong. */
function needsPerson(error: unknown): boolean {
  const isWrong = error instanceof AuditError && error.code === 'AUDIT_OPTION_INVALID'
  return isWrong || isRefusal(error)
}

function unsealedOf({ head }: SealState, { firstSeq, size }: TrustedTree): number {
  return head - (firstSeq - 1 + size)
}

/** Whether nothing that is compared has changed. */
function isSame(one: SealState, other: SealState): boolean {
  return (
    one.history === other.history &&
    one.head <= other.head &&
    one.tree?.origin === other.tree?.origin &&
    one.tree?.size === other.tree?.size &&
    one.tree?.note === other.tree?.note
  )
}

/** Reads grown tiles from memory, and all others where they are. */
function overlaid(
  tiles: readonly { readonly at: TileAt; readonly hashes: Buffer }[],
  read: ReadTile,
): ReadTile {
  const grown = new Map(tiles.map(({ at, hashes }) => [`${at.level}/${at.n}`, hashes]))
  return async (at, width) => grown.get(`${at.level}/${at.n}`) ?? (await read(at, width))
}
