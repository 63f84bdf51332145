import assert from 'node:assert/strict'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import postgres from 'postgres'
import { ROOT } from '../support/commands.ts'
import { NODE_MAJORS, type NodeMajor, nodeFolder } from '../support/node-home.ts'
import { npmFolder } from '../support/npm-folder.ts'
import { startPostgres } from '../support/postgres.ts'
import { runProgram } from '../support/run-program.ts'
import { withUsage } from '../support/usage.ts'
import { Checks } from './checks.ts'
import { EmptyProject } from './empty-project.ts'
import { checkContents, packInto, type Tarball } from './tarball.ts'

const USAGE = `npm run test:package [-- [--node ${NODE_MAJORS.join('|')}|own]… [--turn N] [--keep]]

Packs the package, installs it into empty projects from the npm registry, and does there what an
application does: import and require() every export, check types, migrate a real Postgres, record, move,
read. Then the same with the oldest and the newest Drizzle that we work with. Exits with 1 where
something fails.

  --node  under which Node; "own" is the one that runs this; more than once for several; default: all
          that npm has
  --turn  one Node alone: the one whose turn it is, of a number that grows
  --keep  keeps the projects`

/** The ends of the range of our peer dependency. In between is the one that we develop with. */
const DRIZZLE_VERSIONS = ['0.44.7', '0.45.4', '1.0.0-rc.5']
/** What applications compile with next to the one that we compile with. */
const OTHER_TYPESCRIPT = 'typescript@5.9.3'

type ChosenNode = 'own' | NodeMajor

const { nodes, keep } = withUsage(USAGE, () => {
  const { values } = parseArgs({
    options: {
      node: { type: 'string', multiple: true },
      turn: { type: 'string' },
      keep: { type: 'boolean', default: false },
    },
  })
  const { node: wanted = [], turn, keep } = values
  if (turn !== undefined && !/^\d+$/.test(turn)) {
    throw new Error(`--turn must be a whole number, not "${turn}".`)
  }
  const theirTurn = NODE_MAJORS.filter(
    (_, index) => turn === undefined || index === Number(turn) % NODE_MAJORS.length,
  )
  return { nodes: wanted.length > 0 ? wanted.map(checkNode) : theirTurn, keep }
})

function checkNode(wanted: string): ChosenNode {
  const known: readonly ChosenNode[] = ['own', ...NODE_MAJORS]
  const found = known.find((one) => String(one) === wanted)
  if (found !== undefined) return found
  throw new Error(`--node must be one of ${known.join(', ')}, not "${wanted}".`)
}

let databases = 0
const checks = new Checks()
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-package-'))
fs.chmodSync(folder, 0o711) // as root the server runs as another user, who has to get in
const server = await startPostgres({
  dataDir: path.join(folder, 'data'),
  settings: { fsync: 'off', full_page_writes: 'off' },
  say: console.log,
})
try {
  await main()
} finally {
  await server.stop('immediate')
  if (keep) console.log(`Kept: ${folder}`)
  else fs.rmSync(folder, { recursive: true, force: true })
}
process.exitCode = checks.conclude()

async function main(): Promise<void> {
  const tarball = await packInto(folder)
  await checkTarball(tarball)
  const [ours, other] = [
    path.join(ROOT, 'node_modules', 'typescript'),
    npmFolder('typescript-5', [OTHER_TYPESCRIPT], [], console.log).replace(
      /package\.json$/,
      'node_modules/typescript',
    ),
  ] as const
  const homes = nodes.map((node) => ({
    name: `Node ${node === 'own' ? process.version.slice(1) : node}`,
    at: node === 'own' ? undefined : nodeFolder(node, console.log),
  }))

  const project = new EmptyProject(path.join(folder, 'project'))
  await checks.run('installs', async () => {
    await project.install([tarball.path])
    const { length } = fs.readdirSync(path.join(project.folder, 'node_modules'))
    return `drizzle-orm ${project.manifestOf('drizzle-orm').version}, ${length} in node_modules`
  })
  // Before a framework is installed: nothing may need one at run time.
  project.addProgram('imports.mjs')
  for (const { name, at } of homes) {
    await checks.run(`${name}: import and require()`, () => project.run('imports.mjs', at))
  }
  await checks.run('installs frameworks', () =>
    project.install(
      versionsOf('fastify', 'express', '@types/express', '@types/node', 'react', '@types/react'),
    ),
  )
  for (const program of ['journey.ts', 'record-in.ts']) project.addProgram(program)
  project.addEveryExport()
  await checks.run(`${nameOf(ours)}, nodenext: types, with our declarations`, () =>
    project.compile(ours, 'nodenext', { checksDeclarations: true }),
  )
  await checks.run(`${nameOf(ours)}, bundler: types`, () => project.compile(ours, 'bundler'))
  await checks.run(`${nameOf(other)}, nodenext: types`, () => project.compile(other, 'nodenext'))
  await checks.run(`${nameOf(other)}, bundler: types`, () => project.compile(other, 'bundler'))
  await checks.run(`${nameOf(other)}, node10: types of every export`, () =>
    project.compile(other, 'node10', { include: ['every-export.ts'] }),
  )
  for (const { name, at } of homes) {
    await checks.run(`${name}: from migrate to the page`, () => travel(project, at))
  }
  for (const version of DRIZZLE_VERSIONS) {
    await checkDrizzle(version, tarball, [ours, other], homes[0]?.at)
  }
}

async function checkTarball(tarball: Tarball): Promise<void> {
  await checks.run('what is in it', async () => {
    checkContents(tarball)
    const { files, packedBytes, unpackedBytes } = tarball
    return `${files.length} files, ${packedBytes} bytes packed, ${unpackedBytes} unpacked`
  })
  const bin = path.join(ROOT, 'node_modules', '.bin')
  await checks.run('publint', async () => {
    await runProgram(path.join(bin, 'publint'), [tarball.path, '--strict'], { cwd: ROOT })
  })
  // The profile leaves out what is so on purpose: we are ES modules alone. CommonJS loads those by
  // require() from Node 20.19 on.
  await checks.run('are the types wrong', async () => {
    const args = [tarball.path, '--profile', 'esm-only', '--no-color']
    await runProgram(path.join(bin, 'attw'), args, { cwd: ROOT })
  })
}

/** The package's command, then a program with something of each part. */
async function travel(project: EmptyProject, node: string | undefined): Promise<string> {
  const { version } = project.manifestOf('audit-outbox')
  assert.equal(await project.auditRelay(['--version'], node), `${version}\n`)
  assert.match(await project.auditRelay(['--help'], node), /migrate/)
  const url = await newDatabase()
  assert.match(await project.auditRelay(['migrate'], node, url), /./)
  const said = await project.run('journey.ts', node, url)
  await project.auditRelay(['--once'], node, url)
  await project.auditRelay(['status'], node, url)
  return said
}

/** An application with a Drizzle of its own, which we use as well. */
async function checkDrizzle(
  version: string,
  tarball: Tarball,
  compilers: readonly string[],
  node: string | undefined,
): Promise<void> {
  const project = new EmptyProject(path.join(folder, `drizzle-${version}`))
  await checks.run(`Drizzle ${version}: installs`, async () => {
    const others = versionsOf('postgres', 'fastify', '@types/express', '@types/node')
    await project.install([tarball.path, `drizzle-orm@${version}`, ...others])
    assert.equal(project.manifestOf('drizzle-orm').version, version)
    assert.deepEqual(project.copiesOf('drizzle-orm'), ['node_modules/drizzle-orm'])
    project.addProgram('record-in.ts')
  })
  for (const at of compilers) {
    await checks.run(`Drizzle ${version}: types by ${nameOf(at)}`, () =>
      project.compile(at, 'nodenext'),
    )
  }
  await checks.run(`Drizzle ${version}: works`, async () => {
    const url = await newDatabase()
    await project.auditRelay(['migrate'], node, url)
    return await project.run('record-in.ts', node, url)
  })
}

async function newDatabase(): Promise<string> {
  const name = `application_${++databases}`
  const sql = postgres(server.url, { max: 1 })
  await sql`create database ${sql(name)}`
  await sql.end()
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

/** In the versions that this checkout is tested with. */
function versionsOf(...names: readonly string[]): string[] {
  return names.map((name) => {
    const { version } = readManifest(path.join(ROOT, 'node_modules', name))
    return `${name}@${version}`
  })
}

function nameOf(compiler: string): string {
  return `TypeScript ${readManifest(compiler).version}`
}

function readManifest(at: string): { version: string } {
  return JSON.parse(fs.readFileSync(path.join(at, 'package.json'), 'utf8'))
}
