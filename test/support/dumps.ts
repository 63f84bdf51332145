import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { TestContext } from 'node:test'
import { chosenMajor, POSTGRES_MAJORS, type PostgresMajor } from './postgres-home.ts'

/** The newest version up to the one under test whose servers the installed pg_dump can read. */
export function dumpableMajor(): PostgresMajor | undefined {
  const said = spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? ''
  const own = Number(/(\d+)(?:\.|$)/.exec(said)?.[1] ?? 0)
  if (own >= chosenMajor()) return chosenMajor()
  return POSTGRES_MAJORS.findLast((major) => major <= own)
}

/** Runs a program of Postgres to its end. */
export function runProgram(program: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
  assert.equal(status, 0, `${program}: ${stderr}`)
}

/** A folder that is removed after the test. */
export function dumpFolder(t: TestContext): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'audit-outbox-dump-'))
  t.after(() => fs.rmSync(folder, { recursive: true }))
  return folder
}
