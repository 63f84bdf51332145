import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import {
  anchorsOf,
  APPLICATION_PAGES,
  type Block,
  blocksOf,
  READERS_PAGES,
  ROOT,
  readDocument,
  tableOf,
} from './support/documents.ts'
import { callsIn, moduleOf } from './support/samples.ts'

const run = promisify(execFile)

/** Every file below a folder of the checkout that has this ending, without what others made. */
function filesWith(ending: RegExp): readonly string[] {
  return ['', '.github', 'src', 'relay', 'test']
    .flatMap((folder) =>
      fs
        .readdirSync(path.join(ROOT, folder), { recursive: folder !== '', encoding: 'utf8' })
        .map((name) => path.posix.join(folder, name.replaceAll(path.sep, '/'))),
    )
    .filter((file) => ending.test(file))
}

/** The types of packages that samples use and that are not installed here. */
const MODULES = '../../test/support/sample-modules.d.ts'

const PAGES = filesWith(/\.md$/)

function samplesIn(language: string): readonly Block[] {
  return READERS_PAGES.flatMap(blocksOf).filter((block) => block.language === language)
}

test('every TypeScript sample compiles under the settings of this project', async (t) => {
  const samples = samplesIn('ts').filter(
    ({ place }) => !APPLICATION_PAGES.includes(place.replace(/:\d+$/, '')),
  )
  assert.ok(samples.length > 12)
  // Inside of the checkout, so that packages and the paths of the project's settings are found.
  const folder = path.join(ROOT, '.data', `samples-${process.pid}`)
  fs.mkdirSync(folder, { recursive: true })
  t.after(() => fs.rmSync(folder, { recursive: true }))
  const names = new Map<string, string>()
  for (const [index, sample] of samples.entries()) {
    const name = `sample-${index}.ts`
    names.set(name, sample.place)
    fs.writeFileSync(path.join(folder, name), moduleOf(sample))
  }
  // Applications, as a rule, write `process.env.NAME`.
  const compilerOptions = { noPropertyAccessFromIndexSignature: false }
  const settings = { extends: '../../tsconfig.json', compilerOptions }
  // What a sample declares for the whole program holds for itself alone.
  const isAlone = (sample: Block) => sample.text.includes("declare module 'audit-outbox'")
  const filesOf = (chosen: (sample: Block) => boolean) =>
    samples.flatMap((sample, index) => (chosen(sample) ? [`sample-${index}.ts`] : []))
  const alone = filesOf(isAlone)
  const programs = [filesOf((sample) => !isAlone(sample)), ...alone.map((file) => [file])]
  assert.ok(alone.length > 0)
  for (const files of programs) {
    const program = { ...settings, include: [...files, MODULES] }
    fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(program))
    const { stdout } = await run('npx', ['tsc', '-p', folder], { cwd: ROOT }).catch(
      (error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }),
    )
    const problems = stdout.replaceAll(/\S*(sample-\d+\.ts)/g, (_, name) => names.get(name) ?? name)
    assert.equal(problems, '')
  }
})

test('every call of audit-relay in a shell sample has a command and options that exist', async () => {
  const calls = samplesIn('sh').flatMap(callsIn)
  assert.ok(calls.length > 10)
  const helps = new Map<string, Promise<string>>()
  const helpOf = (words: readonly string[]) => {
    const found = helps.get(words.join(' ')) ?? readHelp(words)
    helps.set(words.join(' '), found)
    return found
  }
  for (const { words, options } of calls) {
    let missing = [
      ...words.map(
        (word) => new RegExp(`^ +(?:audit-relay )?(?:${words[0]} )?\\[?${word}\\b`, 'm'),
      ),
      ...options.map((option) => new RegExp(`^.*${option}\\b`, 'm')),
    ]
    // The help of a command may be on its own page, or on that of the command above it.
    for (let depth = 0; depth <= words.length && missing.length > 0; depth += 1) {
      const help = await helpOf(words.slice(0, depth))
      missing = missing.filter((pattern) => !pattern.test(help))
    }
    assert.deepEqual(missing, [], ['audit-relay', ...words, ...options].join(' '))
  }
})

/** Fails where there is no such command. */
async function readHelp(words: readonly string[]): Promise<string> {
  const args = ['--import', 'tsx', 'relay/main.ts', ...words, '--help']
  const { stdout } = await run(process.execPath, args, { cwd: ROOT })
  return stdout
}

test('every YAML file and sample can be parsed', () => {
  const files = filesWith(/\.ya?ml$/)
  assert.ok(files.includes('relay/deploy/kubernetes.yaml'))
  assert.ok(files.includes('.github/workflows/ci.yml'))
  const texts = [
    ...files.map((file) => ({ place: file, text: readDocument(file) })),
    ...PAGES.flatMap(blocksOf).filter(({ language }) => language === 'yaml'),
  ]
  for (const { place, text } of texts) {
    const documents = parseAllDocuments(text)
    assert.ok(Array.isArray(documents) && documents.length > 0, place)
    for (const { errors, warnings } of documents)
      assert.deepEqual([...errors, ...warnings], [], place)
  }
})

test('every JSON sample can be parsed', () => {
  const samples = samplesIn('json')
  assert.ok(samples.length > 0)
  for (const { text } of samples) JSON.parse(text)
})

interface Link {
  readonly from: string
  readonly to: string
}

/** Links and pictures of a page, but for those in its code. */
function linksIn(file: string): readonly Link[] {
  const prose = readDocument(file)
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => (code.includes('](') ? '' : code))
  const found = prose.matchAll(/\]\(([^)\s]+)\)|<img src="([^"]+)"/g)
  return Array.from(found, ([, link, image]) => ({ from: file, to: link ?? image ?? '' }))
}

test('every relative link and every anchor leads somewhere', () => {
  const links = PAGES.flatMap(linksIn).filter(({ to }) => !/^(?:https?|mailto):/.test(to))
  assert.ok(links.length > 80)
  const dangling = links.filter(({ from, to }) => {
    const [target = '', anchor] = to.split('#')
    const file = target === '' ? from : path.posix.join(path.posix.dirname(from), target)
    if (!fs.existsSync(path.join(ROOT, file))) return true
    return anchor !== undefined && !anchorsOf(file).has(anchor)
  })
  assert.deepEqual(dangling, [])
})

// npm shows the README with its links led to the repository; on a disk there is the package alone.
test('the package holds every page for readers, and what a page shows there', () => {
  const manifest = JSON.parse(readDocument('package.json'))
  const always = ['README.md', 'LICENSE', 'package.json']
  const holds = (file: string) => [...always, ...manifest.files].some((held) => covers(held, file))
  for (const page of READERS_PAGES) assert.ok(holds(page), page)
  for (const sample of fs.readdirSync(path.join(ROOT, 'relay/deploy'))) {
    assert.ok(holds(`relay/deploy/${sample}`), sample)
  }
  const { repository, homepage, bugs, author } = manifest
  assert.match(repository.url, /^git\+https:\/\/github\.com\/[\w-]+\/[\w-]+\.git$/)
  const url = repository.url.slice('git+'.length, -'.git'.length)
  assert.equal(homepage, `${url}#readme`)
  assert.equal(bugs, `${url}/issues`)
  assert.ok(author)
  const ownUrls = PAGES.flatMap(
    (page) => readDocument(page).match(/https:\/\/github\.com\/\S+/g) ?? [],
  )
  for (const own of ownUrls.filter((found) => found.includes('audit-outbox'))) {
    assert.ok(own.startsWith(url), own)
  }
})

/** Whether a name in the `files` of package.json stands for this file: a folder, or a pattern. */
function covers(held: string, file: string): boolean {
  if (!held.includes('*')) return file === held || file.startsWith(`${held}/`)
  const pattern = held
    .replaceAll('.', '\\.')
    .replaceAll(/\*\*\/|\*/g, (stars) => (stars === '*' ? '[^/]*' : '(?:.*/)?'))
  return new RegExp(`^${pattern}$`).test(file)
}

// Goal: a program that reads the index finds every page and sample of the package, and no dead link.
test('the index names every page and every sample, each with what is in it', () => {
  const index = readDocument('src/llms.txt')
  assert.match(index, /^# audit-outbox\n\n> \S.*\.\n/)
  const lines = index.split('\n').filter((line) => line.startsWith('- ['))
  const entries = lines.map((line) => {
    const [, title, link, says] = /^- \[([^\]]+)\]\(([^)]+)\): (\S.{15,})$/.exec(line) ?? []
    assert.ok(title && link && says, line)
    return path.posix.join('src', link)
  })
  const samples = fs
    .readdirSync(path.join(ROOT, 'relay/deploy'))
    .filter((name) => !name.endsWith('.md'))
    .map((name) => `relay/deploy/${name}`)
  const expected = [...READERS_PAGES, ...samples, 'CHANGELOG.md']
  assert.deepEqual([...entries].sort(), expected.sort(), 'write a line for it into src/llms.txt')
  assert.ok(readDocument('README.md').includes('](src/llms.txt)'))
})

// Goal: who searches for a line of the log finds it, in the words in which it is logged.
test('each log line of the troubleshooting page is one that the sources log', () => {
  const sources = filesWith(/^(?:src|relay)\/.*\.ts$/)
    .map(readDocument)
    .join('\n')
  const rows = tableOf('relay/troubleshooting.md', 'log lines')
  assert.ok(rows.length > 15)
  for (const [line = ''] of rows) {
    const words = line.replaceAll('`', '')
    assert.ok(sources.includes(words), words)
  }
})
