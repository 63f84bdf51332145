import fs from 'node:fs'
import path from 'node:path'
import { ROOT } from '../support/commands.ts'
import { runProgram } from '../support/run-program.ts'

export interface Tarball {
  readonly path: string
  readonly packedBytes: number
  readonly unpackedBytes: number
  /** The paths in it, as they will lie in `node_modules/audit-outbox`. */
  readonly files: readonly string[]
}

/** More than this, and something is in it that an application has no use for. */
const MAX_PACKED_BYTES = 1_300_000

/** Builds the package, as `npm publish` would. */
export async function packInto(folder: string): Promise<Tarball> {
  const output = await runProgram(
    'npm',
    ['pack', '--json', '--loglevel=error', '--pack-destination', folder],
    { cwd: ROOT },
  )
  // What `prepack` prints comes first. An array, or since npm 12 an object with the package's name.
  const said: unknown = JSON.parse(output.slice(output.search(/^[[{]/m)))
  const [packed] = Object.values(said as Record<string, Packed>)
  if (packed === undefined) throw new Error(`npm pack says nothing of what it packed:\n${output}`)
  return {
    path: path.join(folder, packed.filename),
    packedBytes: packed.size,
    unpackedBytes: packed.unpackedSize,
    files: packed.files.map((file) => file.path),
  }
}

interface Packed {
  readonly filename: string
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string }[]
}

/**
 * Compares what is packed with what is in `src` and `relay`: each module is there with its types,
 * and nothing else. The texts of the other files are in the modules.
 *
 * @throws {Error} with the names of what is missing and what is too much
 */
export function checkContents({ files, packedBytes }: Tarball): void {
  const sources = ['src', 'relay'].flatMap(filesIn)
  const modules = sources.filter(isModule)
  const needed = [
    ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md'],
    ...modules.flatMap((file) => [
      `dist/${file.replace(/ts$/, 'js')}`,
      `dist/${file.replace(/(c?ts)$/, 'd.$1')}`,
    ]),
    // Of the browser's scripts, the one that an application imports.
    ...['js', 'd.ts'].map((ending) => `dist/src/page/client/audit-timeline.${ending}`),
  ]
  // The samples of how to run the relay, and what READMEs link to, may come with it.
  const mayCome = new Set(sources.filter((file) => !isModule(file)))
  const missing = needed.filter((file) => !files.includes(file))
  const surplus = files.filter((file) => !needed.includes(file) && !mayCome.has(file))
  const complaints = [
    ...missing.map((file) => `missing: ${file}`),
    ...surplus.map((file) => `not meant for an application: ${file}`),
  ]
  if (packedBytes > MAX_PACKED_BYTES) {
    complaints.push(`${packedBytes} bytes packed, more than ${MAX_PACKED_BYTES}`)
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'))
}

/** Of TypeScript: an ES module, or one of CommonJS. */
function isModule(file: string): boolean {
  return /\.c?ts$/.test(file)
}

function filesIn(folder: string): string[] {
  return fs
    .readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)))
    .map((file) => file.replaceAll(path.sep, '/'))
}
