import { execFile, execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { whenWeEnd } from '../support/when-we-end.ts'
import { type Trick, withoutTrick } from './tricks.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const LOOP = 'test/bench/trick-loop.ts'
/** What any commit of ours is measured with. `unsent-recorder.ts` is its own: it knows its code. */
const OURS = [LOOP, 'test/bench/trick-entries.ts', 'test/demo/sample.ts']
const run = promisify(execFile)

/** Copies of our code, edited and compiled as for a release, so that nothing is between it and Node. */
export class TrickCopies {
  readonly #folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-tricks-'))
  readonly #callOff = whenWeEnd('rm -rf "$0"', this.#folder)
  #made = 0

  /** @returns the loop of a copy, without the trick */
  async without(trick?: Trick): Promise<string> {
    const copy = this.#begin()
    for (const name of ['src', 'test']) {
      const filter = (source: string) => !source.includes(`${path.sep}results`)
      fs.cpSync(path.join(ROOT, name), path.join(copy, name), { recursive: true, filter })
    }
    const read = (file: string) => fs.readFileSync(path.join(copy, file), 'utf8')
    for (const [file, text] of trick ? withoutTrick(trick, read) : []) {
      fs.writeFileSync(path.join(copy, file), text)
    }
    return await this.#compiled(copy)
  }

  /** @returns the loop of a copy of this commit's code */
  async ofCommit(commit: string): Promise<string> {
    const copy = this.#begin()
    const archive = path.join(this.#folder, 'archive.tar')
    const wanted = ['src', 'test', 'package.json', 'tsconfig.json']
    execFileSync('git', ['-C', ROOT, 'archive', '-o', archive, commit, ...wanted])
    execFileSync('tar', ['-xf', archive, '-C', copy])
    for (const file of OURS) fs.cpSync(path.join(ROOT, file), path.join(copy, file))
    return await this.#compiled(copy)
  }

  close(): void {
    fs.rmSync(this.#folder, { recursive: true, force: true })
    this.#callOff()
  }

  #begin(): string {
    this.#made += 1
    const copy = path.join(this.#folder, String(this.#made))
    fs.mkdirSync(copy)
    fs.symlinkSync(path.join(ROOT, 'node_modules'), path.join(copy, 'node_modules'))
    for (const name of ['package.json', 'tsconfig.json']) {
      fs.cpSync(path.join(ROOT, name), path.join(copy, name))
    }
    return copy
  }

  /** Types are not checked: an edit may leave code behind that no branch comes to. */
  async #compiled(copy: string): Promise<string> {
    const config = path.join(copy, 'tsconfig.loop.json')
    const compilerOptions = { noEmit: false, noCheck: true, rootDir: '.', outDir: 'out', paths: {} }
    const settings = { extends: './tsconfig.json', compilerOptions, include: [LOOP] }
    fs.writeFileSync(config, JSON.stringify(settings))
    await run(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', config])
    return path.join(copy, 'out', LOOP.replace(/\.ts$/, '.js'))
  }
}
