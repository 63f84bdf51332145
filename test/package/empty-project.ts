import fs from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProgram } from '../support/run-program.ts'

const PROGRAMS = fileURLToPath(new URL('project', import.meta.url))
const OUTPUT = 'compiled'

const COMMON_OPTIONS = {
  target: 'es2023',
  lib: ['es2023', 'dom', 'dom.iterable'],
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  rootDir: '.',
}

/**
 * How an application may find modules and types: as Node does, as a bundler does, and as Node 10 did,
 * which knows no `exports`. TypeScript 6 was the last one with that.
 */
const RESOLUTIONS = {
  nodenext: { module: 'nodenext', outDir: OUTPUT },
  bundler: { module: 'esnext', moduleResolution: 'bundler', noEmit: true },
  node10: { module: 'commonjs', moduleResolution: 'node10', noEmit: true },
} as const
export type Resolution = keyof typeof RESOLUTIONS

/** A project of somebody else's, with nothing of this checkout in it but the package. */
export class EmptyProject {
  readonly folder: string

  /** @param folder made here, outside of the checkout */
  constructor(folder: string) {
    this.folder = folder
    fs.mkdirSync(folder)
    fs.writeFileSync(
      path.join(folder, 'package.json'),
      JSON.stringify({ private: true, type: 'module' }),
    )
  }

  /** @param packages with versions; the path of a tarball is one, too */
  async install(packages: readonly string[]): Promise<void> {
    const flags = ['--no-audit', '--no-fund', '--loglevel=error', '--prefer-offline']
    await runProgram('npm', ['install', ...flags, ...packages], { cwd: this.folder })
  }

  /** Copies a program of `test/package/project` here. */
  addProgram(file: string): void {
    fs.copyFileSync(path.join(PROGRAMS, file), path.join(this.folder, file))
  }

  /** Writes a program that exports again all that the package exports, for the compiler. */
  addEveryExport(): void {
    const lines = Object.keys(this.manifestOf('audit-outbox').exports ?? {})
      .filter((subpath) => !subpath.endsWith('.json'))
      .map((subpath) => subpath.replace('.', 'audit-outbox'))
      .map((name, index) => `export * as part${index} from '${name}'\n`)
    fs.writeFileSync(path.join(this.folder, 'every-export.ts'), lines.join(''))
  }

  /**
   * Compiles the programs.
   *
   * @param compiler the folder of a package `typescript`
   * @param include the programs; default: all
   * @param checksDeclarations ours, too. Those of others are checked with them, which took TypeScript
   *   5 more than five minutes; their errors are not counted.
   * @throws {Error} with the errors
   */
  async compile(
    compiler: string,
    resolution: Resolution,
    { checksDeclarations = false, include = ['*.ts'] } = {},
  ): Promise<void> {
    const config = `tsconfig.${resolution}.json`
    const compilerOptions = {
      ...COMMON_OPTIONS,
      ...RESOLUTIONS[resolution],
      skipLibCheck: !checksDeclarations,
    }
    fs.writeFileSync(path.join(this.folder, config), JSON.stringify({ compilerOptions, include }))
    const tsc = path.join(compiler, 'bin', 'tsc')
    const args = [tsc, '--project', config, '--pretty', 'false']
    let errors: string[] = []
    try {
      await runProgram(process.execPath, args, { cwd: this.folder })
    } catch (error) {
      const lines = error instanceof Error ? error.message.split('\n') : []
      const found = lines.filter((line) => line.includes('error TS'))
      if (found.length === 0) throw error
      errors = found.filter((line) => !/^node_modules\/(?!audit-outbox\/)/.test(line))
    }
    if (errors.length > 0) throw new Error(errors.join('\n'))
  }

  /**
   * Runs a program: one of JavaScript as it is, one of TypeScript as `nodenext` compiled it.
   *
   * @param node the folder of a Node; undefined: the one that runs this
   * @returns the last line that it printed
   */
  async run(file: string, node: string | undefined, databaseUrl = ''): Promise<string> {
    const compiled = file.replace(/\.ts$/, '.js')
    const program = compiled === file ? file : path.join(OUTPUT, compiled)
    const output = await runProgram('node', [program], this.#options(node, databaseUrl))
    return output.trim().split('\n').at(-1) ?? ''
  }

  /** Runs the package's own command, as `npx` would. @returns what it printed */
  async auditRelay(
    args: readonly string[],
    node: string | undefined,
    databaseUrl = '',
  ): Promise<string> {
    const command = path.join(this.folder, 'node_modules', '.bin', 'audit-relay')
    return await runProgram(command, args, this.#options(node, databaseUrl))
  }

  #options(node: string | undefined, databaseUrl: string) {
    const environment = { DATABASE_URL: databaseUrl }
    return { cwd: this.folder, pathFirst: node === undefined ? [] : [node], environment }
  }

  /** Where a package lies, each copy of it. */
  copiesOf(name: string): string[] {
    const lock = path.join(this.folder, 'package-lock.json')
    const { packages } = JSON.parse(fs.readFileSync(lock, 'utf8')) as { packages: object }
    return Object.keys(packages).filter((place) => place.endsWith(`node_modules/${name}`))
  }

  manifestOf(name: string): { version: string; exports?: Record<string, unknown> } {
    const file = path.join(this.folder, 'node_modules', name, 'package.json')
    return JSON.parse(fs.readFileSync(file, 'utf8'))
  }
}
