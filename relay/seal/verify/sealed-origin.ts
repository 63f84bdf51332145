import type { TrustedLogs } from './trusted-logs.ts'
import type { Asked } from './ask.ts'
import type { Findings } from './finding.ts'
import {
  type CheckpointRow,
  newestCheckpoints,
  newestCosigned,
  originsWithCheckpoints,
  type OriginRow,
  readCheckpoints,
  readCosignatures,
  readOrigins,
} from './seal-tables.ts'
import { StoredTree } from './stored-tree.ts'

/** A tree of the log with the checkpoint by which it is judged. */
export interface SealedOrigin extends OriginRow {
  readonly tree: StoredTree
  /** How many leaves the newest checkpoint seals that could be opened. */
  readonly size: number
  /** That checkpoint. */
  readonly note: string
}

/** Checkpoints whose root is not that of the stored tree. What that means is said at the end. */
export interface Misfit {
  readonly name: string
  readonly size: number
  /** Whether it was kept outside of the database. */
  readonly isOutside: boolean
}

/** What looking at checkpoints needs and gathers. */
export interface SealLook {
  readonly asked: Asked
  readonly trusted: TrustedLogs
  readonly findings: Findings
  readonly misfits: Misfit[]
  /** Greatest sizes that enough witnesses cosigned, by origin. */
  readonly cosigned: Map<string, number>
}

/** Checkpoints that are looked at from the newest on, to find one whose signature is true. */
const MOST_TRIED = 100

/** The trees of the log that have a checkpoint, in their order. */
export async function openOrigins(
  look: SealLook,
  lastSeq: number,
): Promise<readonly SealedOrigin[]> {
  const { asked, findings } = look
  const rows = await readOrigins(asked)
  const open: SealedOrigin[] = []
  for (const row of rows) {
    const origin = await openOrigin(look, row, lastSeq)
    if (origin !== undefined) open.push(origin)
  }
  for (const number of await originsWithCheckpoints(asked)) {
    if (rows.some(({ origin }) => origin === number)) continue
    const text = `There are checkpoints of the tree ${number}, which audit_origin does not know.`
    findings.add('checkpoint', null, text)
  }
  checkOrder(open, findings)
  return open
}

/** A tree begins behind the last entry of the one before. */
function checkOrder(origins: readonly SealedOrigin[], findings: Findings): void {
  for (const [at, { name, firstSeq, size }] of origins.entries()) {
    const next = origins[at + 1]
    if (next === undefined || next.firstSeq === firstSeq + size) continue
    const text =
      `${name} ends at seq ${firstSeq + size - 1}, and ${next.name} begins at ` +
      `seq ${next.firstSeq}: one of them was cut.`
    findings.add('rolled-back', null, text)
  }
}

/** The tree of an origin. Undefined where it has no checkpoint at all. */
async function openOrigin(
  look: SealLook,
  row: OriginRow,
  lastSeq: number,
): Promise<SealedOrigin | undefined> {
  const { asked, trusted, findings } = look
  const newest = await newestCheckpoints(asked, row.origin, MOST_TRIED)
  const [first] = newest
  if (first === undefined) return undefined
  if (trusted.isKnown && !trusted.knows(row.name)) {
    findings.add('unknown-log', null, `The policy has no key of the log ${row.name}.`)
  }
  const usable = newest.find((one) => isUsable(look, row, one)) ?? first
  const held = Math.max(0, lastSeq - row.firstSeq + 1)
  if (usable.size > held) {
    findings.add(
      'rolled-back',
      null,
      `${row.name}: ${usable.size} entries were sealed from seq ${row.firstSeq} on, and the log ends at ` +
        `seq ${lastSeq}.`,
    )
  }
  return {
    ...row,
    size: usable.size,
    note: usable.note,
    tree: new StoredTree(row.origin, usable.size, asked, findings),
  }
}

function isUsable({ trusted }: SealLook, { name }: OriginRow, row: CheckpointRow): boolean {
  const opened = trusted.open(row.note)
  return 'checkpoint' in opened && opened.checkpoint.origin === name && saysTheSame(row, opened)
}

function saysTheSame(
  { size, root }: CheckpointRow,
  { checkpoint }: { readonly checkpoint: { readonly size: number; readonly root: Buffer } },
): boolean {
  return checkpoint.size === size && checkpoint.root.equals(root)
}

/** Checks each checkpoint of an origin behind a size: its signature, its place and its root. */
export async function checkCheckpoints(
  look: SealLook,
  origin: SealedOrigin,
  afterSize: number,
): Promise<void> {
  const { asked, findings } = look
  let previous = afterSize === 0 ? 0 : undefined
  const notes = new Map<number, string>()
  if (afterSize > 0 && look.trusted.wantsQuorum) {
    // A log in which nothing happens has no checkpoint behind the one that was cosigned last.
    const cosigned = await newestCosigned(asked, origin.origin, MOST_TRIED)
    for (const { size, note } of cosigned) if (size <= afterSize) notes.set(size, note)
  }
  for await (const row of readCheckpoints(asked, origin.origin, afterSize)) {
    await checkOne(look, origin, row)
    if (previous !== undefined && row.previous !== previous) {
      findings.add(
        'checkpoint',
        null,
        `${origin.name}: the checkpoint of ${row.size} does not follow the one of ${previous}.`,
      )
    }
    previous = row.size
    notes.set(row.size, row.note)
    if (notes.size > MOST_NOTES) await settleCosignatures(look, origin, notes)
  }
  await settleCosignatures(look, origin, notes)
}

/** Notes that are kept to check the cosignatures under them. */
const MOST_NOTES = 1_000

async function checkOne(
  { trusted, findings, misfits }: SealLook,
  { name, tree }: SealedOrigin,
  row: CheckpointRow,
): Promise<void> {
  const opened = trusted.open(row.note)
  if (!('checkpoint' in opened)) {
    if (opened.why === 'key') {
      findings.add('key', null, `${name}: the checkpoint of ${row.size}: ${opened.text}`)
    }
    if (opened.why === 'key' || row.size > tree.size) return
  } else if (opened.checkpoint.origin !== name || !saysTheSame(row, opened)) {
    findings.add(
      'checkpoint',
      null,
      `${name}: the note in the row of the checkpoint of ${row.size} is that of ` +
        `${opened.checkpoint.origin} and ${opened.checkpoint.size}.`,
    )
    return
  }
  const root = await tree.rootAt(row.size)
  if (root?.equals(row.root)) return
  if (root === undefined || row.size === tree.size) {
    findings.add(
      'tree',
      null,
      `${name}: the tiles do not have the root that was signed for ${row.size}.`,
    )
  } else {
    misfits.push({ name, size: row.size, isOutside: false })
  }
}

/** Checks the cosignatures under some notes, and forgets the notes. */
async function settleCosignatures(
  { asked, trusted, findings, cosigned }: SealLook,
  { origin, name }: SealedOrigin,
  notes: Map<number, string>,
): Promise<void> {
  const [[least] = []] = notes
  if (least === undefined) return
  const lines = new Map<number, string[]>()
  for (const { size, name: witness, line } of await readCosignatures(asked, origin, [
    ...notes.keys(),
  ])) {
    const note = notes.get(size)
    const isTrue = note === undefined ? undefined : trusted.isCosignature(note, line)
    if (isTrue) lines.set(size, [...(lines.get(size) ?? []), `${line}\n`])
    if (isTrue !== false) continue
    findings.add('key', null, `${name}: the cosignature of ${witness} for ${size} is false.`)
  }
  for (const [size, own] of lines) {
    if (trusted.isCosigned(`${notes.get(size)}${own.join('')}`)) {
      cosigned.set(name, Math.max(size, cosigned.get(name) ?? 0))
    }
  }
  notes.clear()
}
