import type postgres from 'postgres'
import { refusalOf } from '../support/logins.ts'
import type { Arena } from './arena.ts'

/** Who plays an attack. */
export type Attacker =
  | 'nobody'
  | 'audit_app'
  | 'audit_relay'
  | 'audit_reader'
  | 'audit_keeper'
  | 'audit_eraser'
  | "database's owner"
  | 'migrating login'
  | 'viewer'
  | 'visitor'
  | 'tenant'
  | 'no one'

export interface Outcome {
  /** Whether the attack came to nothing. */
  readonly isHeld: boolean
  /** What came of it, in some words, such as `refused 42501`. */
  readonly what: string
}

export interface Attack {
  readonly name: string
  /** `no one` where a mishap is enough. */
  readonly by: Attacker
  /** Default: a migrated one. */
  readonly database?: 'empty'
  /** Whether it goes on for as long as `arena.seconds` says. */
  readonly lasts?: true
  /** Tries the attack in a database of its own, and looks what came of it. */
  play(arena: Arena): Promise<Outcome>
}

export const held = (what: string): Outcome => ({ isHeld: true, what })
export const succeeded = (what: string): Outcome => ({ isHeld: false, what })

/** Held where nothing is among the problems. */
export function unless(problems: readonly string[], what: string): Outcome {
  if (problems.length === 0) return held(what)
  const more = problems.length > 3 ? `; and ${problems.length - 3} more` : ''
  return succeeded(`${problems.slice(0, 3).join('; ')}${more}`)
}

/**
 * Tries every statement in a transaction of its own that is rolled back.
 *
 * @param codes the SQLSTATEs with which each has to be refused
 */
export async function allRefused(
  session: postgres.Sql,
  statements: readonly string[],
  codes: readonly string[] = ['42501'],
): Promise<Outcome> {
  const seen = new Set<string>()
  const problems: string[] = []
  for (const statement of statements) {
    await session`begin`
    const refusal = await refusalOf(session.unsafe(statement))
    await session`rollback`
    if (refusal === undefined) problems.push(`not refused: ${statement}`)
    else if (!codes.includes(refusal.code)) problems.push(`${refusal.code}: ${statement}`)
    else seen.add(refusal.code)
  }
  const ways = statements.length === 1 ? '' : `, each of ${statements.length} ways`
  return unless(problems, `refused ${[...seen].sort().join(', ')}${ways}`)
}
