import { Database } from '../../../src/database/connection.ts'
import { type Command, countOf, type Given, misuse } from '../command.ts'
import { readConfig } from '../../config.ts'
import {
  allLetters,
  type DeadLetter,
  dropLetter,
  listLetters,
  openLetter,
  type Retried,
  retryLetter,
} from '../../dead-letters/letters.ts'

const LIST_LIMIT = 50
const MAX_LIMIT = 10_000
const DONE = 0
const FAILED = 1

export const deadLettersCommand: Command = {
  options: {
    json: { type: 'boolean' },
    limit: { type: 'string' },
    all: { type: 'boolean' },
    yes: { type: 'boolean' },
  },
  operand: 'list, show, retry or drop',
  takesMany: true,
  usage: `
  audit-relay dead-letters list  what the log refused, newest first; never what it says
      --limit N                  default ${LIST_LIMIT}, at most ${MAX_LIMIT}
  audit-relay dead-letters show N
                                 one of them, with the entry
  audit-relay dead-letters retry N... | --all
                                 put it back into its way; what is refused again dies again
  audit-relay dead-letters drop N... --yes
                                 delete it for good; an entry in the log says so
      --json                     any of them for machines`,
  run,
}

type Action = (given: Given, database: Database, numbers: readonly number[]) => Promise<number>

const ACTIONS: Readonly<Record<string, { readonly action: Action; readonly flags: string[] }>> = {
  list: { action: list, flags: ['json', 'limit'] },
  show: { action: show, flags: ['json'] },
  retry: { action: retry, flags: ['json', 'all'] },
  drop: { action: drop, flags: ['json', 'yes'] },
}

async function run(given: Given): Promise<number> {
  const [name = '', ...words] = given.operands
  const known = Object.hasOwn(ACTIONS, name) ? ACTIONS[name] : undefined
  if (known === undefined)
    throw misuse(`dead-letters can list, show, retry or drop, not "${name}".`)
  for (const flag of Object.keys(given.values)) {
    if (!known.flags.includes(flag)) throw misuse(`--${flag} does not go with "${name}".`)
  }
  const numbers = words.map(numberOf)
  refuseCount(name, given, numbers.length)
  const { databaseUrl, limits } = readConfig(given.environment, 'relay')
  const database = new Database({
    url: databaseUrl,
    applicationName: 'audit-relay dead-letters',
    statementTimeoutMs: limits.statementTimeoutMs,
  })
  try {
    return await known.action(given, database, numbers)
  } finally {
    await database.close()
  }
}

function numberOf(word: string): number {
  const number = /^\d{1,15}$/.test(word) ? Number(word) : 0
  if (number > 0) return number
  throw misuse(`A dead letter has a whole number from 1 on, got "${word}".`)
}

function refuseCount(name: string, { values }: Given, count: number): void {
  if (name === 'list' && count > 0) throw misuse('"list" takes no number: see --limit.')
  if (name === 'show' && count !== 1) throw misuse('"show" takes one number.')
  const isAll = values['all'] === true
  if (name === 'retry' && isAll === count > 0) throw misuse('"retry" takes numbers, or --all.')
  if (name === 'drop' && count === 0) throw misuse('"drop" takes numbers.')
  if (name === 'drop' && values['yes'] !== true) {
    throw misuse('"drop" deletes for good: say --yes.')
  }
}

async function list(given: Given, database: Database): Promise<number> {
  const limit = countOf(given, 'limit', 1) ?? LIST_LIMIT
  if (limit > MAX_LIMIT) throw misuse(`--limit must be at most ${MAX_LIMIT}.`)
  const letters = await listLetters(database, limit)
  const lines = ['number  died                      lane     why', ...letters.map(lineOf)]
  say(given, letters, letters.length > 0 ? lines : ['There are no dead letters.'])
  return DONE
}

function lineOf({ number, diedAt, lane, sqlstate, reason, id }: DeadLetter): string {
  const died = `${String(number).padStart(6)}  ${diedAt.slice(0, 23)}Z  ${(lane ?? '').padEnd(7)}`
  return `${died}  ${sqlstate}: ${reason}${id === null ? '' : ` (id ${printable(id)})`}`
}

async function show(given: Given, database: Database, numbers: readonly number[]): Promise<number> {
  const letter = await openLetter(database, numbers[0] ?? 0)
  if (letter === undefined) {
    say(given, null, [`There is no dead letter ${numbers[0]}.`])
    return FAILED
  }
  say(given, letter, [printable(letter, 2)])
  return DONE
}

async function retry(given: Given, database: Database, numbers: readonly number[]) {
  const isAll = given.values['all'] === true
  const refused: Retried[] = []
  let retried = 0
  for await (const number of isAll ? allLetters(database) : numbers) {
    const one = await retryLetter(database, number)
    if (one.outcome === 'retried') retried += 1
    // Somebody else was faster, which is as good.
    else if (!isAll || one.outcome !== 'missing') refused.push(one)
  }
  const lines = refused.map(({ number, outcome }) =>
    outcome === 'missing'
      ? `There is no dead letter ${number}.`
      : `${number} stays: its lane refuses it (${outcome}).`,
  )
  say(given, { retried, refused }, [`${retried} put back; a relay moves them next.`, ...lines])
  return refused.length === 0 ? DONE : FAILED
}

async function drop(given: Given, database: Database, numbers: readonly number[]) {
  const dropped: number[] = []
  const missing: number[] = []
  for (const number of numbers) {
    const there = await dropLetter(database, number)
    if (there) dropped.push(number)
    else missing.push(number)
  }
  const lines = missing.map((number) => `There is no dead letter ${number}.`)
  say(given, { dropped, missing }, [`${dropped.length} dropped; the log will say so.`, ...lines])
  return missing.length === 0 ? DONE : FAILED
}

function say({ values }: Given, found: unknown, lines: readonly string[]): void {
  const text = values['json'] === true ? printable(found) : lines.join('\n')
  process.stdout.write(`${text}\n`)
}

/** As JSON in which nothing moves a terminal's cursor. */
function printable(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(
    /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
