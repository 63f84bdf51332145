// Puts the files of the page's sample into the application, as they stand in the installed package.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import path from 'node:path'

const MAX_OWN_LINES = 10
const page = fs.readFileSync('node_modules/audit-outbox/src/frameworks/next.md', 'utf8')
let ownLines = 0
for (const [, file, text] of page.matchAll(/^```ts\n\/\/ (\S+)\n([\s\S]*?)^```$/gm)) {
  const lines = text.split('\n').filter((line) => /[^\s)}\],;]/.test(line))
  ownLines += lines.filter((line) => !line.startsWith('import ')).length
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(file, text)
}
assert.ok(ownLines > 0 && ownLines <= MAX_OWN_LINES, `${ownLines} own lines`)
console.log(`${ownLines} own lines`)
