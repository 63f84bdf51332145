import type { Block } from './documents.ts'

/**
 * Names that samples use and do not declare, with their real types. If a sample declares a name
 * itself, its own declaration is used.
 */
const STAND_INS: Readonly<Record<string, string>> = {
  db: "declare const db: import('drizzle-orm/postgres-js').PostgresJsDatabase",
  guests: `
import { pgTable as stTable, timestamp as stTime, uuid as stUuid } from 'drizzle-orm/pg-core'
const guests = stTable('guests', { id: stUuid('id').primaryKey(), checkedInAt: stTime('at') })`,
  eq: "import { eq } from 'drizzle-orm'",
  audit: "declare const audit: import('audit-outbox').Recorder",
  createRecorder: "import { createRecorder } from 'audit-outbox'",
  app: "declare const app: import('hono').Hono",
  id: 'declare const id: string',
  userId: 'declare const userId: string',
  eventId: 'declare const eventId: string',
  targetId: 'declare const targetId: string',
  apiKey: 'declare const apiKey: { readonly id: string }',
  otherVenueIds: 'declare const otherVenueIds: readonly string[]',
  requestId: 'declare const requestId: string',
  saved: 'declare let saved: string',
  signal: 'declare const signal: AbortSignal',
  send: "declare function send(entry: import('audit-outbox/tail').LoggedEntry): Promise<void>",
  drizzle: "declare const drizzle: import('drizzle-orm/postgres-js').PostgresJsDatabase",
  // Libraries that are not installed here. test/apps/data-layers compiles the same calls with them.
  kysely: `
declare const kysely: {
  transaction(): {
    execute(work: (trx: import('audit-outbox').KyselyTransaction) => Promise<void>): Promise<void>
  }
}`,
  prisma: `
declare const prisma: {
  $transaction(work: (tx: import('audit-outbox').PrismaTransaction) => Promise<void>): Promise<void>
}`,
  knex: `
declare const knex: {
  transaction(work: (trx: import('audit-outbox').KnexTransaction) => Promise<void>): Promise<void>
}`,
  dataSource: `
declare const dataSource: {
  transaction(
    work: (manager: import('audit-outbox').TypeormTransaction) => Promise<void>,
  ): Promise<void>
}`,
  sql: "declare const sql: import('postgres').Sql",
  pool: "declare const pool: import('pg').Pool",
  Transaction: 'interface Transaction { readonly id?: string }',
  sequelize: `
declare const sequelize: {
  query(text: string, options: { bind: unknown[]; transaction: Transaction; type: string }): Promise<object[]>
}`,
  QueryTypes: "const QueryTypes = { SELECT: 'SELECT' }",
  Task: `
interface Task { result(text: string, values: unknown): Promise<{ readonly rows: unknown[] }> }`,
  EntityManager: `
interface EntityManager { execute(text: string, params: unknown[]): Promise<object[]> }`,
  signedIn: `
declare function signedIn(
  request: Request,
): Promise<{ readonly name: string; readonly id: string; readonly eventId: string; readonly isAdmin: boolean } | null>`,
}

/** A sample as a module that the compiler can check: its text, with stand-ins for missing names. */
export function moduleOf({ text }: Block): string {
  // A property of the same name does not use the stand-in.
  const used = Object.entries(STAND_INS).filter(
    ([name]) => new RegExp(`(?<![.\\w])${name}(?![\\w:?]| = )`).test(text) && !declares(text, name),
  )
  return [text, ...used.map(([, declaration]) => declaration), 'export {}', ''].join('\n')
}

function declares(text: string, name: string): boolean {
  return new RegExp(
    `\\b(?:const|let|function) (?:{[^}]*)?\\b${name}\\b|import {[^}]*\\b${name}\\b`,
  ).test(text)
}

/** A call of `audit-relay` in a shell sample. */
export interface Call {
  /** The words before the first option that name a command: `dead-letters list`. */
  readonly words: readonly string[]
  readonly options: readonly string[]
}

/** Every call in a shell sample, without comments and the text before the command. */
export function callsIn({ text }: Block): readonly Call[] {
  return text.split('\n').flatMap((line) => {
    const [, given] = /(?:^|\s)audit-relay(\s.*)?$/.exec(line.replace(/\s#.*$/, '')) ?? []
    if (given === undefined && !/(?:^|\s)audit-relay\s*(?:#|$)/.test(line)) return []
    const args = (given ?? '').split(/\s+/).filter(Boolean)
    const firstOption = args.findIndex((arg) => arg.startsWith('-'))
    const leading = firstOption < 0 ? args : args.slice(0, firstOption)
    return {
      // Operands are numbers and files.
      words: leading.filter((word) => /^[a-z-]+$/.test(word)),
      options: args.filter((arg) => arg.startsWith('--')),
    }
  })
}
