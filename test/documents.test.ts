import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parseAllDocuments } from 'yaml'
import { type Block, blocksOf, READERS_PAGES, ROOT, readDocument } from './support/documents.ts'
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

const PAGES = filesWith(/\.md$/)

function samplesIn(language: string): readonly Block[] {
  return READERS_PAGES.flatMap(blocksOf).filter((block) => block.language === language)
}

test('every TypeScript sample compiles under the settings of this project', async (t) => {
  const samples = samplesIn('ts')
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
  const settings = { extends: '../../tsconfig.json', compilerOptions, include: ['*.ts'] }
  fs.writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify(settings))
  const { stdout } = await run('npx', ['tsc', '-p', folder], { cwd: ROOT }).catch(
    (error: { stdout?: string }) => ({ stdout: error.stdout ?? String(error) }),
  )
  const problems = stdout.replaceAll(/\S*(sample-\d+\.ts)/g, (_, name) => names.get(name) ?? name)
  assert.equal(problems, '')
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

/** What a heading's link is called on GitHub and on npm. */
function anchorsOf(file: string): ReadonlySet<string> {
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
  const holds = (file: string) =>
    [...always, ...manifest.files].some((held) => file === held || file.startsWith(`${held}/`))
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
