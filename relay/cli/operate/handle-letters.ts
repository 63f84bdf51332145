import { Database } from '../../../src/database/connection.ts'
import { type Environment, readConfig } from '../../config.ts'
import {
  allLetters,
  type DeadLetter,
  dropLetter,
  listLetters,
  openLetter,
  type Retried,
  retryLetter,
} from '../../dead-letters/letters.ts'

const DONE = 0
const FAILED = 1

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
    say({ json }, letters, letters.length > 0 ? lines : ['There are no dead letters.'])
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
      say(as, null, [`There is no dead letter ${number}.`])
      return FAILED
    }
    say(as, letter, [printable(letter, 2)])
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
    say(as, { retried, refused }, [`${retried} put back; a relay moves them next.`, ...lines])
    return refused.length === 0 ? DONE : FAILED
  })
}

/** Deletes dead letters for good. @returns 1 if one of the numbers has no dead letter */
export function dropDeadLetters(
  environment: Environment,
  numbers: readonly number[],
  as: As,
): Promise<number> {
  return withDatabase(environment, async (database) => {
    const dropped: number[] = []
    const missing: number[] = []
    for (const number of numbers) {
      const there = await dropLetter(database, number)
      if (there) dropped.push(number)
      else missing.push(number)
    }
    const lines = missing.map((number) => `There is no dead letter ${number}.`)
    const said = `${dropped.length} dropped; the log records it.`
    say(as, { dropped, missing }, [said, ...lines])
    return missing.length === 0 ? DONE : FAILED
  })
}

async function withDatabase(
  environment: Environment,
  act: (database: Database) => Promise<number>,
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  const database = new Database({
    url: databaseUrl,
    applicationName: 'audit-relay dead-letters',
    statementTimeoutMs: limits.statementTimeoutMs,
  })
  try {
    return await act(database)
  } finally {
    await database.close()
  }
}

function say({ json }: As, found: unknown, lines: readonly string[]): void {
  const text = json ? printable(found) : lines.join('\n')
  process.stdout.write(`${text}\n`)
}

/** JSON without characters that control a terminal, reverse its text or cannot be seen. */
function printable(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from({ length: character.length }, (_, at) => {
        return `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`
      }).join(''),
  )
}
