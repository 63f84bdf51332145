import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

interface Source {
  readonly file: string
  readonly text: string
  readonly imports: readonly string[]
}

function sources(folder: string): Source[] {
  return readdirSync(path.join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = path.posix.join(folder, name.replaceAll(path.sep, '/'))
      const text = readFileSync(path.join(ROOT, file), 'utf8')
      const found = text.matchAll(/^(?:import|export)\s[^'"]*from '([^']+)'|^import '([^']+)'/gm)
      return { file, text, imports: Array.from(found, ([, from, bare]) => from ?? bare ?? '') }
    })
}

function whoImports(folder: string, name: string): string[] {
  return sources(folder)
    .filter(({ imports }) => imports.some((from) => from === name || from.startsWith(`${name}/`)))
    .map(({ file }) => file)
}

test('dependencies point one way: src never imports from relay', () => {
  const src = sources('src')
  assert.ok(src.length > 20)
  const astray = src.filter(({ file, imports }) =>
    imports.some((from) => {
      if (!from.startsWith('.')) return false
      return !path.posix.join(path.posix.dirname(file), from).startsWith('src/')
    }),
  )
  assert.deepEqual(astray, [])
})

test('no file of the relay imports itself by way of others', () => {
  const relay = new Map(sources('relay').map(({ file, imports }) => [file, imports]))
  const importedBy = (file: string) =>
    (relay.get(file) ?? [])
      .map((from) => path.posix.join(path.posix.dirname(file), from))
      .filter((to) => relay.has(to))
  const reachable = (from: string) => {
    const reached = new Set(importedBy(from))
    for (const file of reached) for (const next of importedBy(file)) reached.add(next)
    return reached
  }
  assert.ok(reachable('relay/index.ts').size > 10)
  assert.deepEqual(
    [...relay.keys()].filter((file) => reachable(file).has(file)),
    [],
  )
})

test('the driver is known to the client and the migrator only, the waits to one file', () => {
  assert.deepEqual(whoImports('src', 'postgres').sort(), [
    'src/database/client.ts',
    'src/schema/migrate.ts',
  ])
  assert.deepEqual(whoImports('relay', 'postgres'), [])
  assert.deepEqual(
    [...whoImports('src', 'p-retry'), ...whoImports('relay', 'p-retry')],
    ['src/database/retry.ts'],
  )
})

// A backend that dies in a transaction of the driver can cost rows, or the process.
test('nothing but the migrator opens a transaction through the driver', () => {
  const opening = [...sources('src'), ...sources('relay')]
    .filter(({ text }) => /\.transaction\(|\b(?:sql|client)\.(?:begin|reserve)\(/.test(text))
    .map(({ file }) => file)
    .filter((file) => file !== 'src/schema/migrate.ts')
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
