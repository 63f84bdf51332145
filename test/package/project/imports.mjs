// Imports what the package exports, each part on its own, by `import` and by `require()`. Plain
// JavaScript, because it runs before a compiler is installed.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const manifest = require('audit-outbox/package.json')

let values = 0
for (const subpath of Object.keys(manifest.exports)) {
  if (subpath.endsWith('.json')) continue
  const name = subpath.replace('.', manifest.name)
  const imported = await import(name)
  const required = require(name)
  const names = Object.keys(imported)
  assert.ok(names.length > 0, `${name} exports nothing`)
  for (const one of names) assert.equal(required[one], imported[one], `${name}: ${one}`)
  values += names.length
}
console.log(`${values} values of ${Object.keys(manifest.exports).length} exports`)
