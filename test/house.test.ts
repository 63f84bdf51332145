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
  'src/copy': 'ids redact',
  'src/capture': 'copy ids redact',
  'src/actions': 'capture read',
  'src/context': 'capture copy encode redact',
  'src/encode': 'capture copy ids redact',
  'src/database': '',
  'src/schema/compared': '',
  'src/schema/tables': '',
  'src/schema': 'database schema/compared schema/tables',
  'src/schema/printed': 'database schema',
  'src/lanes': 'database encode schema',
  'src/flush': 'capture database encode lanes',
  'src/exit-dump': 'database encode ids lanes',
  'src/recorder': 'actions capture context encode exit-dump flush ids lanes redact',
  'src/testing':
    'actions capture database encode ids lanes read recorder redact schema schema/printed testing/coverage',
  'src/testing/coverage': 'capture frameworks recorder',
  'src/frameworks/request': 'context ids lanes recorder',
  'src/frameworks/nest': 'capture frameworks/request recorder',
  'src/frameworks': 'context frameworks/nest frameworks/request recorder',
  'src/removed': 'database schema',
  'src/query': 'ids',
  'src/query/statements': 'ids query schema',
  'src/projection': 'ids query query/statements schema',
  'src/seal': '',
  'src/search': 'ids query',
  'src/read/paging': 'ids',
  'src/read/search': 'database ids schema search',
  'src/read':
    'database encode ids projection query query/statements read/paging read/search removed schema search',
  'src/read/around': 'database read schema',
  'src/export/about': 'database read schema',
  'src/export/sealed': 'database read seal',
  'src/export':
    'database export/about export/sealed ids projection query read read/search removed schema seal',
  'src/timeline': 'database ids projection query read read/paging removed schema',
  'src/names': 'database ids read',
  'src/page/http': '',
  'src/page/query': 'ids query read',
  'src/page/language': 'actions page/http',
  'src/page/sentence': 'actions ids page/language read timeline',
  'src/page/histogram':
    'database ids page/query projection query query/statements read read/search schema',
  'src/page/auth': 'database ids names page/http page/query projection read',
  'src/page/views': 'database encode page/auth page/http page/query projection query read',
  'src/page/view':
    'actions export/sealed ids names page/histogram page/http page/language page/query page/sentence projection query read read/around removed timeline',
  'src/page/live': 'database ids page/http read',
  'src/page/api': 'page/query page/view read timeline',
  'src/page/view/target':
    'actions ids page/http page/language page/query page/sentence page/view timeline',
  'src/page/view/histogram':
    'page/histogram page/http page/language page/query page/sentence page/view query',
  'src/page/view/frame':
    'actions page/http page/language page/query page/sentence page/view query read',
  'src/page/requests/asked': 'database ids names page/auth page/query read',
  'src/page/requests/around':
    'database export/sealed page/auth page/histogram page/query page/view page/view/histogram projection read read/around removed',
  'src/page/requests':
    'actions database encode export export/sealed ids names page/api page/auth page/histogram page/http page/language page/live page/query page/requests/around page/requests/asked page/sentence page/view page/view/frame page/view/histogram page/view/target page/views projection query read read/around removed seal timeline',
  'src/page':
    'actions database names page/auth page/embed page/live page/requests page/sentence page/views projection',
  'src/page/embed': 'actions page/view query',
  'src/react': 'page/client',
  'relay/actions': 'src',
  'relay/maintenance': 'src',
  'relay/follow': 'src',
  'relay/search': 'src follow',
  'relay/following': 'src follow names search',
  'relay/move': 'src follow following maintenance seal',
  'relay/archive/files': 'src',
  'relay/archive/stores': 'src archive/files',
  'relay/archive': 'src archive/files archive/stores retention',
  'relay/dead-letters': 'src',
  'relay/retention': 'src',
  'relay/life': 'src',
  'relay/erase': 'src',
  'relay/seal/anchors': 'src',
  'relay/seal/verify': 'src seal/anchors',
  'relay/seal/scheduled': 'src seal seal/anchors seal/verify',
  'relay/seal': 'src seal/anchors',
  'relay/telemetry': 'src maintenance move seal seal/scheduled',
  'relay/import/mapping': 'src',
  'relay/import/reading': 'src import/mapping',
  'relay/import': 'src import/mapping import/reading',
  'relay/dev': '',
  'relay/doctor/visit': 'src',
  'relay/doctor/catalogue': 'src doctor/visit',
  'relay/doctor': 'src doctor/catalogue doctor/visit maintenance names seal telemetry',
  'relay/http': 'src actions move names seal telemetry',
  'relay/names': 'src follow',
  'relay/cli/names': 'src cli/command cli/life names',
  'relay/cli/command': 'src',
  'relay/cli/operate':
    'src cli/command dead-letters dev doctor doctor/visit follow following http move seal seal/scheduled telemetry',
  'relay/cli/retention': 'src archive archive/stores cli/archive cli/command retention',
  'relay/cli/schema': 'src cli/command erase',
  'relay/cli/life': 'src cli/command life',
  'relay/cli/search': 'src cli/command cli/life search',
  'relay/cli/erase': 'src cli/archive cli/command erase',
  'relay/cli/export': 'src cli/command',
  'relay/cli/archive': 'src archive archive/files archive/stores cli/command',
  'relay/cli/actions': 'src actions cli/command',
  'relay/cli/import': 'src cli/command import import/mapping import/reading',
  'relay/cli/seal': 'src cli/archive cli/command seal seal/anchors seal/scheduled seal/verify',
  'relay/cli/testing': 'src cli/command',
  'relay/cli':
    'src cli/actions cli/archive cli/command cli/erase cli/export cli/import cli/life cli/names cli/operate cli/retention cli/schema cli/seal cli/search cli/testing',
}

const GROUND: readonly string[] = [
  'src/entry.ts',
  'src/registered.ts',
  'src/errors.ts',
  'src/options.ts',
  'src/logger.ts',
  'src/engine-text.ts',
  'src/file-fault.ts',
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

test('proofs are checked by node:crypto and nothing else', () => {
  assert.deepEqual(packagesOf('src/seal/index.ts'), [])
  const ofSeal = sources('src/seal').flatMap(({ imports }) => imports)
  const outside = new Set(ofSeal.filter((from) => !from.startsWith('./')))
  assert.deepEqual([...outside].sort(), ['../errors.ts', 'node:crypto'])
})

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

// A bundle lies elsewhere than the package did, and some bundlers look for the file when they build.
test('nothing but the command looks for a file next to it, once the build has put the texts in', () => {
  const looking = [...sources('src'), ...sources('relay')]
    .filter(({ text }) => /import\.meta|createRequire|fileURLToPath|__dirname/.test(text))
    .map(({ file }) => file)
  const build = readFileSync(path.join(ROOT, '.ci/embed-files.js'), 'utf8')
  const replaced = Array.from(build.matchAll(/'dist\/(\S+)js'/g), ([, file]) => `${file}ts`)
  assert.equal(replaced.length, 2)
  assert.deepEqual(
    looking.sort(),
    // The project's own PostgreSQL from npm, from where the command runs.
    [...replaced, 'relay/cli/program.ts', 'relay/dev/native-postgres.ts'].sort(),
  )
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
