import type { DatabaseRole } from '../../../src/options.ts'
import type { FindingKind } from './kinds.ts'

/**
 * - `error`: entries are lost, may be lost, are not moved, or others may write or remove them.
 * - `warning`: it becomes an error, or costs time, if nobody acts.
 * - `note`: worth knowing; nothing has to be done.
 */
export type Severity = 'error' | 'warning' | 'note'

/** What a person can do about a finding. At least one of them is there. */
export interface Remedy {
  /** Can be run as it is, by the owner or a superuser, over a direct connection. */
  readonly sql?: string
  /** Can be run as it is, in a shell with the environment of `doctor`. After `sql`, where both are. */
  readonly command?: string
  /** What no statement can do. */
  readonly advice?: string
}

export interface Finding {
  /** A stable name, such as `staging-logged`, by which a script can tell findings apart. */
  readonly kind: FindingKind
  readonly severity: Severity
  /** What is wrong, with the object or the value. It quotes nothing of an entry. */
  readonly text: string
  readonly remedy: Remedy
}

/** The parts of a report, in the order in which it is printed. */
export const AREAS = {
  connections: 'Connections',
  server: 'Server',
  schema: 'Schema',
  partitions: 'Partitions',
  rights: 'Rights',
  log: 'Log',
  sessions: 'Sessions',
  flow: 'Flow',
  settings: 'Settings',
} as const
export type Area = keyof typeof AREAS

/** What one check found. */
export interface Examined {
  readonly area: Area
  /** What was looked at, as in "seq and head". */
  readonly what: string
  readonly findings: readonly Finding[]
  /** What is as it should be, in a few words. Undefined where nothing could be looked at. */
  readonly said?: string | undefined
  /** Why it could not be looked at, and as whom to run it. */
  readonly skipped?: { readonly why: string; readonly as?: DatabaseRole | undefined } | undefined
}

export interface Report {
  readonly examined: readonly Examined[]
}

export function findingsOf({ examined }: Report): readonly Finding[] {
  return examined.flatMap(({ findings }) => findings)
}

/** What a check says, apart from its area and what it looks at. */
export type Answer = Pick<Examined, 'findings' | 'said' | 'skipped'>

export function well(said: string): Answer {
  return { findings: [], said }
}

/** @param said where there are no findings */
export function answer(findings: readonly Finding[], said: string): Answer {
  return findings.length > 0 ? { findings } : { findings, said }
}
