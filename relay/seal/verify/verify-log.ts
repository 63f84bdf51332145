import type { AuditDatabase } from '../../../src/database/callers-database.ts'
import { optionInvalid } from '../../../src/errors.ts'
import { parsePolicy } from '../../../src/seal/policy.ts'
import { notesIn } from '../anchors/notes-file.ts'
import { Accounts, readTotal, type Total } from './accounts.ts'
import { Asked } from './ask.ts'
import { leafOf } from './entry-leaf.ts'
import { Findings } from './finding.ts'
import { compareOutside, type KnownOutside } from './known-outside.ts'
import { Said } from './said.ts'
import { readErasures, readHead, readSalts, SALTED_SEQS } from './seal-tables.ts'
import { checkCheckpoints, openOrigins, type SealedOrigin, type SealLook } from './sealed-origin.ts'
import { type StoredEntry, StretchReader } from './stretch-rows.ts'
import { TrustedLogs } from './trusted-logs.ts'
import { judgeUnsealed, unsealedRanges } from './unsealed-rows.ts'
import type { VerifyOptions, VerifyReport } from './verify-report.ts'
import { runsToCompare, Walk } from './walk.ts'

const MAX_LAG = { min: 1_000, max: 30 * 86_400_000, usual: 60_000 } as const

/**
 * Compares the log with what was sealed, and that with what is known outside of the database. Every
 * entry is hashed in this process, so that no function of the database is trusted.
 *
 * The login needs `audit_reader`. It reads and writes nothing.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID`, `AUDIT_NOT_PROVED` where the policy or `since` cannot be
 * read, and as a read does
 */
export async function verifyLog(
  db: AuditDatabase,
  options: VerifyOptions = {},
): Promise<VerifyReport> {
  return await new Verification(db, options).run()
}

class Verification {
  readonly #options: VerifyOptions
  readonly #asked: Asked
  readonly #look: SealLook
  readonly #findings = new Findings()
  readonly #maxLagMs: number
  #read = 0
  #total = 0

  constructor(db: AuditDatabase, options: VerifyOptions) {
    const { policy, signal = new AbortController().signal, maxLagMs = MAX_LAG.usual } = options
    const { min, max } = MAX_LAG
    if (!Number.isInteger(maxLagMs) || maxLagMs < min || maxLagMs > max) {
      throw optionInvalid(`maxLagMs must be a whole number from ${min} to ${max}, got ${maxLagMs}.`)
    }
    this.#maxLagMs = maxLagMs
    this.#options = options
    this.#asked = new Asked(db, signal)
    this.#look = {
      asked: this.#asked,
      trusted: new TrustedLogs(policy === undefined ? undefined : parsePolicy(policy)),
      findings: this.#findings,
      misfits: [],
      cosigned: new Map(),
    }
  }

  async run(): Promise<VerifyReport> {
    const { since: sinceNote, sample } = this.#options
    const isWhole = sinceNote === undefined && sample === undefined
    const all = isWhole ? await Accounts.ofAll(this.#asked) : undefined
    const { lastSeq } = await readHead(this.#asked)
    const origins = await openOrigins(this.#look, lastSeq)
    const since = await this.#sinceOf(origins)
    for (const origin of origins) {
      await checkCheckpoints(this.#look, origin, since.get(origin.name) ?? 0)
    }
    const accounts = all ?? this.#accountsSince(origins, since)
    const outside = await this.#compareOutside(origins, since)
    if (origins.length === 0) return this.#nothingSealed(outside)
    const reader = await StretchReader.open(this.#asked)
    const refresh = async () => {
      const { nowMs } = await readHead(this.#asked)
      const clock = { nowMs, patienceMs: this.#maxLagMs }
      const isSealed = (entry: StoredEntry) => this.#isSealed(origins, entry, isWhole)
      return { said: await Said.read(this.#asked, reader, isSealed, clock), clock }
    }
    const { said, clock } = await refresh()
    this.#findings.addAll(said.findings)
    const walk = new Walk(
      {
        ...{ asked: this.#asked, reader, findings: this.#findings, accounts, refresh },
        onRows: (rows) => this.#progress(rows),
      },
      said,
      clock,
    )
    this.#total = lastSeq
    for (const origin of origins) {
      const from = this.#beginOf(origin, since)
      await walk.along(origin, runsToCompare(origin.size, from, sample))
    }
    const tail = await this.#judgeTail(origins, { reader, said, accounts, lastSeq })
    await walk.settle()
    this.#settleMisfits(outside)
    const { leaves, rows, expired, erased, pending } = walk.totals
    accounts?.compare(tail.total, expired + this.#goneCount(), this.#findings)
    if (this.#findings.code === 0 && rows + expired !== leaves) {
      const text = `${leaves - rows - expired} entries were not compared.`
      this.#findings.add('unreadable', null, text)
    }
    return {
      ...this.#report(origins, outside),
      ...{ rows, expired, erased, pending: pending + said.pending, unsealed: tail.rows },
      counted: accounts?.counted(tail.total, sealedThrough(origins)),
    }
  }

  /** From which leaf on each tree is compared: up to there `since` proves it. */
  async #sinceOf(origins: readonly SealedOrigin[]): Promise<ReadonlyMap<string, number>> {
    const { since } = this.#options
    if (since === undefined) return new Map()
    const note = notesIn(since).at(-1)
    if (note === undefined) throw optionInvalid('There is no checkpoint in what "since" names.')
    const { sizes } = await compareOutside(this.#look, origins, [note], new Map())
    const sizeOf = (name: string) => sizes.get(name) ?? 0
    const [named] = sizes.keys()
    const at = origins.findIndex(({ name }) => name === named)
    // Trees before the one that it names were whole when it was signed.
    return new Map(origins.map(({ name, size }, place) => [name, place < at ? size : sizeOf(name)]))
  }

  /** Undefined where the entries behind what was counted are not all read. */
  #accountsSince(
    origins: readonly SealedOrigin[],
    since: ReadonlyMap<string, number>,
  ): Accounts | undefined {
    const { counted, since: note } = this.#options
    if (note === undefined || counted === undefined) return undefined
    const isBehind = origins.some(({ name, firstSeq }) => {
      const size = since.get(name) ?? 0
      return size > 0 && firstSeq + size - 1 > counted.throughSeq
    })
    return isBehind ? undefined : Accounts.since(counted)
  }

  async #compareOutside(
    origins: readonly SealedOrigin[],
    since: ReadonlyMap<string, number>,
  ): Promise<KnownOutside> {
    const { anchor } = this.#options
    const { trusted } = this.#look
    if (!trusted.isKnown) {
      const text = 'No policy was given: whose signature it is was not checked.'
      this.#findings.add('no-policy', null, text)
    }
    const notes = typeof anchor === 'string' ? notesIn(anchor) : (anchor ?? [])
    const outside = await compareOutside(this.#look, origins, notes, since)
    if (anchor === undefined) {
      const text =
        'No checkpoint that was kept outside was given: a log that was replaced as a whole fits itself.'
      this.#findings.add('no-anchor', null, text)
    }
    for (const { name } of anchor === undefined ? [] : origins) {
      if (outside.named.has(name)) continue
      this.#findings.add('no-anchor', null, `The anchor has no checkpoint of ${name}.`)
    }
    if (trusted.wantsQuorum) {
      for (const { name } of origins) {
        if (this.#look.cosigned.has(name) || !trusted.knows(name)) continue
        const text = `${name}: no checkpoint has the cosignatures that the policy wants.`
        this.#findings.add('no-quorum', null, text)
      }
    }
    return outside
  }

  #beginOf({ name, size }: SealedOrigin, since: ReadonlyMap<string, number>): number {
    const { since: note, sample } = this.#options
    if (note === undefined) return sample === undefined ? 0 : size
    return since.get(name) ?? 0
  }

  #nothingSealed(outside: KnownOutside): VerifyReport {
    this.#findings.add('unsealed', null, 'Nothing of this log is sealed.')
    return {
      ...this.#report([], outside),
      ...{ rows: 0, expired: 0, erased: 0, pending: 0, unsealed: 0, counted: undefined },
    }
  }

  /** Whether an entry stands in a tree as it is now. */
  async #isSealed(
    origins: readonly SealedOrigin[],
    entry: StoredEntry,
    isWhole: boolean,
  ): Promise<'sealed' | 'pending' | 'altered'> {
    const { seq } = entry
    const origin = origins.find(({ firstSeq, size }) => seq >= firstSeq && seq < firstSeq + size)
    if (origin === undefined) return 'pending'
    const index = seq - origin.firstSeq
    const at = { level: 0, n: Math.floor(index / 256) }
    const [salts, erasures, tile] = await Promise.all([
      readSalts(this.#asked, seq, seq),
      readErasures(this.#asked, seq, seq),
      origin.tree.read(at, (index % 256) + 1),
    ])
    const sealed = tile.subarray((index % 256) * 32, ((index % 256) + 1) * 32)
    const salt = salts.get(Math.floor(seq / SALTED_SEQS))
    const found = leafOf(entry, salt, seq, erasures.get(seq))
    if (!isWhole) await origin.tree.check(at)
    if ('leaf' in found && found.leaf.equals(sealed)) return 'sealed'
    // A whole run finds it where it stands.
    if (!isWhole) this.#findings.add('changed', seq, `seq ${seq}: It is not what was sealed.`)
    return 'altered'
  }

  async #judgeTail(
    origins: readonly SealedOrigin[],
    { reader, said, accounts, lastSeq: sealedHead }: TailLook,
  ): Promise<{ readonly rows: number; readonly total: Total }> {
    const total = await readTotal(this.#asked)
    const { lastSeq } = total
    await reader.look()
    this.#total += Math.max(0, lastSeq - sealedHead)
    const look = {
      ...{ asked: this.#asked, reader, said, findings: this.#findings, accounts },
      onRows: (rows: number) => this.#progress(rows),
    }
    let rows = 0
    let oldestMs: number | undefined
    for (const range of unsealedRanges(origins, lastSeq)) {
      const isBehind = range[1] === lastSeq
      const found = await judgeUnsealed(look, isBehind ? origins.at(-1) : undefined, range)
      rows += found.rows
      oldestMs = Math.min(oldestMs ?? Number.POSITIVE_INFINITY, found.oldestMs ?? Infinity)
    }
    const nowMs = await this.#lookForStrays(reader)
    const lagMs = oldestMs === undefined ? 0 : nowMs - oldestMs
    if (lagMs > this.#maxLagMs) {
      const seconds = Math.round(lagMs / 1_000)
      const text = `${rows} entries are not sealed; the oldest of them was logged ${seconds} s ago.`
      this.#findings.add('lagging', null, text)
    }
    return { rows, total }
  }

  /** Entries with numbers that the log never gave. @returns the database's time */
  async #lookForStrays(reader: StretchReader): Promise<number> {
    const before = await readHead(this.#asked)
    const strays = await reader.strays(1, before.lastSeq)
    // What was logged meanwhile has the numbers that were given meanwhile.
    const { lastSeq, nowMs } = await readHead(this.#asked)
    for (const { seq, id } of strays) {
      if (seq >= 1 && seq <= lastSeq) continue
      this.#findings.add('late', seq, `seq ${seq}: the log never gave this number to ${id}.`)
    }
    return nowMs
  }

  /**
   * A root that does not fit comes of damaged tiles, or of another log. Where a greater tree that was
   * published fits, what is below it can only be damaged.
   */
  #settleMisfits({ sizes }: KnownOutside): void {
    const isDamaged = this.#findings.has('tree')
    for (const { name, size, isOutside } of this.#look.misfits) {
      const what = isOutside ? 'what was published' : 'what was signed'
      const text = `${name}: ${what} for ${size} is not in this tree.`
      const isTree = isDamaged && (!isOutside || (sizes.get(name) ?? 0) > size)
      this.#findings.add(isTree ? 'tree' : 'fork', null, text)
    }
  }

  /** Entries of which is said already that they are gone. */
  #goneCount(): number {
    const { deleted = 0, 'missing-before-seal': missing = 0 } = this.#findings.counts
    return deleted + missing
  }

  #report(origins: readonly SealedOrigin[], { sizes, unopened }: KnownOutside) {
    const { code, kept, counts } = this.#findings
    return {
      code,
      size: origins.reduce((sum, { size }) => sum + size, 0),
      anchored: Object.fromEntries(sizes),
      cosigned: Object.fromEntries(this.#look.cosigned),
      checkpoint: origins.at(-1)?.note,
      unopened,
      scope: scopeOf(this.#options),
      findings: kept,
      counts,
    }
  }

  #progress(rows: number): void {
    this.#read += rows
    this.#options.onProgress?.({ read: this.#read, total: Math.max(this.#read, this.#total) })
  }
}

/** The last number that is sealed. */
function sealedThrough(origins: readonly SealedOrigin[]): number {
  return Math.max(0, ...origins.map(({ firstSeq, size }) => firstSeq + size - 1))
}

function scopeOf({ since, sample }: VerifyOptions): string {
  const [, size] = since === undefined ? [] : (notesIn(since).at(-1) ?? '').split('\n')
  const part = sample === undefined ? undefined : `1/${sample.of}`
  return [size && `since ${size}`, part].filter(Boolean).join(' and ') || 'whole'
}

interface TailLook {
  readonly reader: StretchReader
  readonly said: Said
  readonly accounts: Accounts | undefined
  /** The last number of the log when the run began. */
  readonly lastSeq: number
}
