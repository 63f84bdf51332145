import type { Checkpoint } from '../../../src/seal/note.ts'
import type { SealedOrigin, SealLook } from './sealed-origin.ts'

/** What was kept outside of the database, compared with the stored trees. */
export interface KnownOutside {
  /** The greatest size of each origin that was found in its tree. */
  readonly sizes: ReadonlyMap<string, number>
  /** The origins of which there was a checkpoint that a known key signed, whether it fits or not. */
  readonly named: ReadonlySet<string>
  /** Notes that no key of the policy signed. Anybody can write such a note. */
  readonly unopened: number
}

/** Reads a note from a file of them or from a text. */
export type Notes = AsyncIterable<string> | Iterable<string>

/**
 * Compares each checkpoint that was kept outside with the database. It goes by what is known outside:
 * what the database does not offer any more is missed here.
 *
 * @param afterSizes checkpoints of an origin up to this size were compared before
 */
export async function compareOutside(
  look: SealLook,
  origins: readonly SealedOrigin[],
  notes: Notes,
  afterSizes: ReadonlyMap<string, number>,
): Promise<KnownOutside> {
  const { trusted, findings, misfits, cosigned } = look
  const found = new Map<string, number>()
  const named = new Set<string>()
  const beyond = new Map<string, Checkpoint>()
  let unopened = 0
  for await (const note of notes) {
    const opened = trusted.open(note)
    if (!('checkpoint' in opened)) {
      if (!isLeftBehind(look, note)) unopened += 1
      continue
    }
    const { checkpoint } = opened
    const { origin: name, size, root } = checkpoint
    named.add(name)
    const origin = origins.find((one) => one.name === name)
    // The policy says that a restore has ended this tree: what was sealed behind it is lost for good.
    const isEnded = origin !== origins.at(-1) && trusted.lastSizeOf(name) < Number.POSITIVE_INFINITY
    if (origin !== undefined && size > origin.size && isEnded) continue
    if (origin === undefined || size > origin.size) {
      const greatest = beyond.get(name)
      if (greatest === undefined || greatest.size < size) beyond.set(name, checkpoint)
      continue
    }
    const isCompared = size <= (afterSizes.get(name) ?? 0)
    const stored = isCompared ? root : await origin.tree.rootAt(size)
    if (stored === undefined) {
      findings.add('tree', null, `${name}: tiles are missing for what was published for ${size}.`)
      continue
    }
    if (!stored.equals(root)) {
      misfits.push({ name, size, isOutside: true })
      continue
    }
    found.set(name, Math.max(size, found.get(name) ?? 0))
    if (trusted.isCosigned(note)) cosigned.set(name, Math.max(size, cosigned.get(name) ?? 0))
  }
  for (const [name, { size }] of beyond) {
    const held = origins.find((one) => one.name === name)?.size
    const known = held === undefined ? 'nothing of it' : held
    findings.add(
      'rolled-back',
      null,
      `${name}: ${size} entries were sealed, the database knows ${known}.`,
    )
  }
  return { sizes: found, named, unopened }
}

/** Whether the policy says that the origin ended before: a restore has lost what came after. */
function isLeftBehind({ trusted }: SealLook, note: string): boolean {
  const [name = '', size] = note.split('\n')
  return trusted.knows(name) && Number(size) > trusted.lastSizeOf(name)
}
