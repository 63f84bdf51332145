import type postgres from 'postgres'
import type { FindingKind } from '../../relay/seal/verify/finding.ts'
import type { Scene } from './scene.ts'

/** What a run of `verify` is expected to end with. */
export interface Expected {
  readonly code: 0 | 3 | 5 | 6
  /** All kinds that it names, in alphabetical order. */
  readonly kinds: readonly FindingKind[]
}

export interface Tampering {
  readonly name: string
  /** Changes the log as a superuser, with all triggers off. */
  readonly play: (sql: postgres.ReservedSql, scene: Scene) => Promise<unknown>
  /** With every checkpoint that was published. */
  readonly anchored: Expected
  /** With none of them. */
  readonly alone: Expected
  /** The policy that is given instead of the log's. */
  readonly policy?: (scene: Scene) => string
  /** The checkpoints that are given instead of those of the log. */
  readonly notes?: (scene: Scene) => Promise<readonly string[]>
}

const code = (kinds: readonly FindingKind[]): 5 | 6 =>
  kinds.every((kind) => SOFT.includes(kind)) ? 6 : 5
const SOFT: readonly FindingKind[] = ['no-anchor', 'unsealed', 'unknown-log', 'no-quorum']

/** Found with the same kinds, whether checkpoints are known outside or not. */
export function found(...kinds: readonly FindingKind[]): Pick<Tampering, 'anchored' | 'alone'> {
  return foundAs(kinds, kinds)
}

/** Found with other kinds where nothing is known outside. */
export function foundAs(
  anchored: readonly FindingKind[],
  alone: readonly FindingKind[],
): Pick<Tampering, 'anchored' | 'alone'> {
  const blind: readonly FindingKind[] = [...alone, 'no-anchor']
  return {
    anchored: { code: anchored.length === 0 ? 0 : code(anchored), kinds: [...anchored].sort() },
    alone: { code: code(blind), kinds: [...blind].sort() },
  }
}
