import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Source {
  readonly file: string
  readonly text: string
  /** What it imports, types and what is imported when it is needed included. */
  readonly imports: readonly string[]
  /** What is loaded together with it. */
  readonly loads: readonly string[]
}

const IMPORT = /^(?:(?:import|export)\s[^'"]*from|import) '([^']+)'/gm

function sources(folder: string): Source[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = path.posix.join(folder, name.replaceAll(path.sep, '/'))
      const text = readFileSync(path.join(ROOT, file), 'utf8')
      const found = [...text.matchAll(IMPORT)]
      const from = ([, at = '']: readonly string[]) => at
      const loads = found.filter(([line]) => !/^(?:import|export) type\s/.test(line)).map(from)
      const later = Array.from(text.matchAll(/\bimport\('([^']+)'\)/g), from)
      return { file, text, imports: [...found.map(from), ...later], loads }
    })
}

function whoImports(folder: string, name: string): string[] {
  return sources(folder)
    .filter(({ imports }) => imports.some((from) => from === name || from.startsWith(`${name}/`)))
    .map(({ file }) => file)
}

/**
 * Which folder may import from which. A folder stands above all that it names here, so that no arrow
 * runs back up. The files at the top of `src` and `relay` are either the ground, which everything may
 * import and which imports nothing but itself, or the front door, which nothing may import.
 */
const ARROWS: Readonly<Record<string, string>> = {
  'src/ids': '',
  'src/redact': '',
  'src/capture': 'ids redact',
  'src/context': 'capture',
  'src/encode': 'capture ids redact',
  'src/database': '',
  'src/schema': 'database',
  'src/lanes': 'database encode schema',
  'src/flush': 'capture database encode lanes',
  'src/exit-dump': 'database encode ids lanes',
  'src/recorder': 'capture context encode exit-dump flush lanes redact',
  'src/testing': 'capture encode lanes read recorder redact',
  'src/frameworks': 'context ids lanes recorder',
  'src/read': 'database encode ids schema',
  'src/export': 'database read schema',
  'src/page/http': '',
  'src/page/query': 'read',
  'src/page/sentence': 'ids read',
  'src/page/histogram': 'database ids page/query read schema',
  'src/page/auth': 'ids page/http page/query',
  'src/page/view': 'ids page/histogram page/http page/query page/sentence read',
  'src/page/requests':
    'database export ids page/auth page/histogram page/http page/query page/sentence page/view read',
  'src/page': 'database page/auth page/requests',
  'relay/maintenance': 'src',
  'relay/move': 'src maintenance',
  'relay/dead-letters': 'src',
  'relay/telemetry': 'src maintenance move',
  'relay/http': 'src move telemetry',
  'relay/cli/command': 'src',
  'relay/cli/operate': 'src cli/command dead-letters http move telemetry',
  'relay/cli/schema': 'src cli/command',
  'relay/cli/export': 'src cli/command',
  'relay/cli': 'src cli/command cli/operate cli/schema cli/export',
}

const GROUND: readonly string[] = [
  'src/entry.ts',
  'src/errors.ts',
  'src/options.ts',
  'src/logger.ts',
  'src/engine-text.ts',
  'src/within.ts',
  'relay/config.ts',
]

/** The folders above `file` that a table's words name: `src` allows all of it. */
function mayImport(from: string, to: string): boolean {
  const [folder, target] = [path.posix.dirname(from), path.posix.dirname(to)]
  if (folder === target)
    return folder.includes('/') || !GROUND.includes(from) || GROUND.includes(to)
  if (GROUND.includes(to)) return from.startsWith('relay/') || to.startsWith('src/')
  if (GROUND.includes(from) || !target.includes('/')) return false
  const isFrontDoor = !folder.includes('/')
  if (isFrontDoor) return from.startsWith('relay/') || to.startsWith('src/')
  const [half] = folder.split('/')
  return (ARROWS[folder] ?? '')
    .split(' ')
    .some((word) => (word === 'src' ? to.startsWith('src/') : target === `${half}/${word}`))
}

function arrows(): { from: string; to: string }[] {
  return [...sources('src'), ...sources('relay')].flatMap(({ file, imports }) =>
    imports
      .filter((to) => to.startsWith('.'))
      .map((to) => ({ from: file, to: path.posix.join(path.posix.dirname(file), to) })),
  )
}

test('imports between folders are those that the table allows', () => {
  const found = arrows()
  assert.ok(found.length > 500)
  assert.deepEqual(
    found.filter(({ from, to }) => !mayImport(from, to)).map(({ from, to }) => `${from} -> ${to}`),
    [],
  )
})

test('the table allows no way back up, and nothing that is not there', () => {
  const files = [...sources('src'), ...sources('relay')]
  const folders = new Set(files.map(({ file }) => path.posix.dirname(file)))
  assert.deepEqual(
    Object.keys(ARROWS).filter((folder) => !folders.has(folder)),
    [],
  )
  const below = new Map(
    Object.entries(ARROWS).map(([folder, words]) => [
      folder,
      words.split(' ').map((word) => (word === 'src' ? word : `${folder.split('/')[0]}/${word}`)),
    ]),
  )
  for (const folder of below.keys()) {
    const reached = new Set(below.get(folder))
    for (const next of reached) for (const further of below.get(next) ?? []) reached.add(further)
    assert.ok(!reached.has(folder), `${folder} stands above itself`)
  }
})

test('no file imports itself by way of others', () => {
  const imported = new Map<string, string[]>()
  for (const { from, to } of arrows()) imported.set(from, [...(imported.get(from) ?? []), to])
  const reachable = (from: string) => {
    const reached = new Set(imported.get(from))
    for (const file of reached) for (const next of imported.get(file) ?? []) reached.add(next)
    return reached
  }
  assert.ok(reachable('src/page/index.ts').size > 30)
  assert.deepEqual(
    [...imported.keys()].filter((file) => reachable(file).has(file)),
    [],
  )
})

test('at most ten files lie directly in src and in relay, a dozen or so in a folder', () => {
  const counts = new Map<string, number>()
  for (const { file } of [...sources('src'), ...sources('relay')]) {
    const folder = path.posix.dirname(file)
    counts.set(folder, (counts.get(folder) ?? 0) + 1)
  }
  for (const [folder, count] of counts) {
    const most = folder.includes('/') ? 17 : 10
    assert.ok(count <= most, `${folder} has ${count} files`)
  }
})

test('the driver is known to the client and the migrator only, the waits to one file', () => {
  assert.deepEqual(whoImports('src', 'postgres').sort(), [
    'src/database/client.ts',
    'src/schema/direct-connection.ts',
  ])
  assert.deepEqual(whoImports('relay', 'postgres'), [])
  assert.deepEqual(
    [...whoImports('src', 'p-retry'), ...whoImports('relay', 'p-retry')],
    ['src/database/retry.ts'],
  )
})

test('the command line alone knows commander', () => {
  const outside = [...whoImports('src', 'commander'), ...whoImports('relay', 'commander')].filter(
    (file) => !file.startsWith('relay/cli/'),
  )
  assert.deepEqual(outside, [])
})

/** The packages that are loaded together with a file. */
function packagesOf(file: string): string[] {
  const files = new Map([...sources('src'), ...sources('relay')].map((one) => [one.file, one]))
  const reached = new Set([file])
  const packages = new Set<string>()
  for (const at of reached) {
    const { loads = [] } = files.get(at) ?? {}
    for (const to of loads) {
      if (to.startsWith('.')) reached.add(path.posix.join(path.posix.dirname(at), to))
      else if (!to.startsWith('node:')) packages.add(to)
    }
  }
  return [...packages].sort()
}

// Help and mistakes are answered at once, and an export does not carry the server of "run" along.
test('audit-relay loads what a command needs when that command runs', () => {
  assert.deepEqual(packagesOf('relay/main.ts'), ['commander'])
  const ofRun = packagesOf('relay/cli/operate/run-relay.ts')
  const ofExport = packagesOf('relay/cli/export/write-export.ts')
  for (const name of ['@hono/node-server', 'hono', 'pino', 'prom-client']) {
    assert.ok(ofRun.includes(name), name)
    assert.ok(!ofExport.includes(name), name)
  }
})

// A backend that dies in a transaction of the driver can cost rows, or the process.
test('nothing but the migrator opens a transaction through the driver', () => {
  const opening = [...sources('src'), ...sources('relay')]
    .filter(({ text }) => /\.transaction\(|\b(?:sql|client)\.(?:begin|reserve)\(/.test(text))
    .map(({ file }) => file)
    .filter((file) => file !== 'src/schema/direct-connection.ts')
  assert.deepEqual(opening, [])
})

test('what is published needs nothing that is installed for development only', () => {
  const manifest = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8'))
  const allowed = new Set([
    ...Object.keys(manifest.dependencies),
    ...Object.keys(manifest.peerDependencies ?? {}),
  ])
  const outside = [...sources('src'), ...sources('relay')].flatMap(({ file, imports }) =>
    imports
      .filter((from) => !from.startsWith('.') && !from.startsWith('node:'))
      .map((from) =>
        from
          .split('/')
          .slice(0, from.startsWith('@') ? 2 : 1)
          .join('/'),
      )
      .filter((name) => !allowed.has(name))
      .map((name) => `${file}: ${name}`),
  )
  assert.deepEqual(outside, [])
})
