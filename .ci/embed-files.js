// Replaces each compiled module that reads files by one that holds their texts: the migrations, and
// the files that the timeline page sends to browsers. So nothing in the package looks for a file next
// to it, and a bundler has nothing to find.
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

for (const [file, name] of [
  ['dist/src/schema/migration-files.js', 'migrationFiles'],
  ['dist/src/page/http/client-files.js', 'clientFiles'],
]) {
  // Next to their sources, where the files are.
  const { [name]: read } = await import(pathToFileURL(file.replace(/^dist\/(.*)js$/, '$1ts')))
  const texts = JSON.stringify(read(), null, 2)
  writeFileSync(file, `const texts = ${texts}\nexport function ${name}() {\n    return texts\n}\n`)
}
