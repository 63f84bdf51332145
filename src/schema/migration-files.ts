import { readFileSync } from 'node:fs'

interface Journal {
  readonly entries: readonly { readonly tag: string; readonly when: number }[]
}

export interface MigrationFile {
  /** The name of its file, without the ending. */
  readonly name: string
  /** When it was generated, in Unix milliseconds. */
  readonly createdAt: number
  readonly text: string
}

/**
 * The migrations as drizzle-kit's journal lists them, oldest first.
 *
 * The build replaces this module by one that holds the texts. A bundler then has no folder to find,
 * and a bundle migrates without a file next to it.
 */
export function migrationFiles(): readonly MigrationFile[] {
  const read = (file: string) =>
    readFileSync(new URL(`migrations/${file}`, import.meta.url), 'utf8')
  const { entries } = JSON.parse(read('meta/_journal.json')) as Journal
  return entries.map(({ tag, when }) => ({
    name: tag,
    createdAt: when,
    text: read(`${tag}.sql`),
  }))
}
