// Imports what the package exports, each part on its own, by `import` and by `require()`, and watches
// that none of it calls the file system meanwhile. Plain JavaScript, because it runs before a compiler
// is installed.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import { createRequire, syncBuiltinESMExports } from 'node:module'

/** The calls of the file system that our modules made. */
const calls = []
for (const holder of [fs, fs.promises]) {
  for (const [name, call] of Object.entries(holder)) {
    if (typeof call !== 'function' || /^[A-Z_]/.test(name)) continue
    holder[name] = function (...args) {
      const ours = /\/audit-outbox\/dist\/.*/.exec(new Error().stack ?? '')
      if (ours) calls.push(`${name} from ${ours[0]}`)
      return call.apply(this, args)
    }
  }
}
syncBuiltinESMExports()

const require = createRequire(import.meta.url)
const manifest = require('audit-outbox/package.json')

let values = 0
for (const subpath of Object.keys(manifest.exports)) {
  // The wrapper is of no use without its framework, which is not installed yet.
  if (subpath.endsWith('.json') || subpath === './react') continue
  const name = subpath.replace('.', manifest.name)
  const imported = await import(name)
  const required = require(name)
  const names = Object.keys(imported)
  assert.ok(names.length > 0, `${name} exports nothing`)
  for (const one of names) assert.equal(required[one], imported[one], `${name}: ${one}`)
  values += names.length
}
assert.deepEqual(calls, [], 'the file system is called by an import')
const { verifyExport } = await import('audit-outbox/export')
await assert.rejects(verifyExport('nowhere.ndjson'))
assert.notDeepEqual(calls, [], 'the watch sees nothing')
console.log(`${values} values of ${Object.keys(manifest.exports).length} exports`)
