import { Database } from '../../../src/database/connection.ts'
import { type Environment, readConfig } from '../../config.ts'
import {
  allLetters,
  type DeadLetter,
  dropLetter,
  type LetterHold,
  listLetters,
  openLetter,
  type Retried,
  retryLetter,
} from '../../dead-letters/letters.ts'
import { printable, say } from '../command/say.ts'

const DONE = 0
const FAILED = 1
const HELD = 4

interface As {
  readonly json: boolean
}

/** Prints the newest dead letters with their reasons, and without their entries. */
export function listDeadLetters(
  environment: Environment,
  { limit, json }: As & { readonly limit: number },
): Promise<number> {
  return withDatabase(environment, async (database) => {
    const letters = await listLetters(database, limit)
    const lines = ['number  died                      lane     why', ...letters.map(lineOf)]
    say(json, letters, letters.length > 0 ? lines : ['There are no dead letters.'])
    return DONE
  })
}

function lineOf({ number, diedAt, lane, sqlstate, reason, id }: DeadLetter): string {
  const died = `${String(number).padStart(6)}  ${diedAt.slice(0, 23)}Z  ${(lane ?? '').padEnd(7)}`
  return `${died}  ${sqlstate}: ${reason}${id === null ? '' : ` (id ${printable(id)})`}`
}

/** Prints one dead letter with its entry. @returns 1 if no dead letter has that number */
export function showDeadLetter(environment: Environment, number: number, as: As): Promise<number> {
  return withDatabase(environment, async (database) => {
    const letter = await openLetter(database, number)
    if (letter === undefined) {
      say(as.json, null, [`There is no dead letter ${number}.`])
      return FAILED
    }
    say(as.json, letter, [printable(letter, 2)])
    return DONE
  })
}

/** Puts dead letters back into their lanes. @returns 1 if one of them was not put back */
export function retryDeadLetters(
  environment: Environment,
  numbers: readonly number[] | 'all',
  as: As,
): Promise<number> {
  return withDatabase(environment, async (database) => {
    const refused: Retried[] = []
    let retried = 0
    for await (const number of numbers === 'all' ? allLetters(database) : numbers) {
      const one = await retryLetter(database, number)
      if (one.outcome === 'retried') retried += 1
      // With --all, a missing letter is no failure: somebody else has retried or dropped it.
      else if (numbers !== 'all' || one.outcome !== 'missing') refused.push(one)
    }
    const lines = refused.map(({ number, outcome }) =>
      outcome === 'missing'
        ? `There is no dead letter ${number}.`
        : `${number} stays: its lane refuses it (${outcome}).`,
    )
    say(as.json, { retried, refused }, [`${retried} put back; a relay moves them next.`, ...lines])
    return refused.length === 0 ? DONE : FAILED
  })
}

/**
 * Deletes dead letters for good.
 *
 * @returns 4 if a legal hold forbids one of them, 1 if one of the numbers has no dead letter
 */
export function dropDeadLetters(
  environment: Environment,
  numbers: readonly number[],
  as: As,
): Promise<number> {
  return withDatabase(environment, async (database) => {
    const dropped: number[] = []
    const missing: number[] = []
    const held: HeldLetter[] = []
    for (const number of numbers) {
      const outcome = await dropLetter(database, number)
      if (outcome === 'dropped') dropped.push(number)
      else if (outcome === 'missing') missing.push(number)
      else held.push({ number, ...outcome })
    }
    const lines = [
      `${dropped.length} dropped; the log records it.`,
      ...missing.map((number) => `There is no dead letter ${number}.`),
      ...held.map(whyHeld),
    ]
    say(as.json, { dropped, missing, held }, lines)
    if (held.length > 0) return HELD
    return missing.length === 0 ? DONE : FAILED
  })
}

type HeldLetter = LetterHold & { readonly number: number }

function whyHeld({ number, hold, isReadable }: HeldLetter): string {
  return isReadable
    ? `${number} stays: the legal hold ${hold} is about it ("audit-relay hold list").`
    : `${number} stays: it cannot be read, and the legal hold ${hold} is in force.`
}

async function withDatabase(
  environment: Environment,
  act: (database: Database) => Promise<number>,
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  const database = new Database({
    url: databaseUrl,
    role: 'audit_relay',
    applicationName: 'audit-relay dead-letters',
    statementTimeoutMs: limits.statementTimeoutMs,
  })
  try {
    return await act(database)
  } finally {
    await database.close()
  }
}
