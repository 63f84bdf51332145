import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** The pages for users of the package, as opposed to contributors. */
export const READERS_PAGES: readonly string[] = [
  'README.md',
  ...['src', 'relay'].flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => path.posix.join(folder, name.replaceAll(path.sep, '/')))
      .sort(),
  ),
]

/** Pages whose samples need packages of their own. test/apps compiles and runs them. */
export const APPLICATION_PAGES = ['nest', 'next', 'trpc', 'better-auth', 'queues'].map(
  (page) => `src/frameworks/${page}.md`,
)

export interface Block {
  /** The file and line of its start, such as `README.md:12`. */
  readonly place: string
  /** The word after the opening fence, or an empty text. */
  readonly language: string
  readonly text: string
}

export function readDocument(file: string): string {
  return readFileSync(path.join(ROOT, file), 'utf8')
}

/** The fenced blocks of a document, in order. */
export function blocksOf(file: string): readonly Block[] {
  const text = readDocument(file)
  return Array.from(text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm), (found) => {
    const line = text.slice(0, found.index).split('\n').length
    return { place: `${file}:${line}`, language: found[1] ?? '', text: found[2] ?? '' }
  })
}

/** The text between `<!-- name -->` and `<!-- /name -->`. */
export function sectionOf(file: string, name: string): string {
  const [, found] =
    readDocument(file).match(`<!-- ${name} -->\n([\\s\\S]*?\n)?<!-- /${name} -->`) ?? []
  return found ?? ''
}

/** The rows of a section's table without its head. Each row is a list of cells. */
export function tableOf(file: string, name: string): readonly (readonly string[])[] {
  const rows = sectionOf(file, name).trim().split('\n').slice(2)
  return rows.map((row) => row.split(' | ').map((cell) => cell.replaceAll(/^\| | \|$/g, '').trim()))
}

/** What a heading's link is called on GitHub and on npm. */
export function anchorsOf(file: string): ReadonlySet<string> {
  const prose = readDocument(file).replaceAll(/^```[\s\S]*?^```$/gm, '')
  const titles = prose.matchAll(/^#+ (.+)$/gm)
  return new Set(
    Array.from(titles, ([, title = '']) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

/** The members of a union of string literals, as its declaration lists them. */
export function membersOf(file: string, type: string): readonly string[] {
  const [, body = ''] =
    readDocument(file).match(`export type ${type} =\n([\\s\\S]*?)\n(?:\n|$)`) ?? []
  return Array.from(body.matchAll(/^ {2}\| '(\w+)'/gm), ([, member]) => member ?? '')
}
