import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import {
  coverageText,
  type Exemptions,
  readCoverage,
} from '../../../src/testing/coverage/read-coverage.ts'
import { FOLDER_VARIABLE } from '../../../src/testing/coverage/folder.ts'
import { misuse } from '../command/misuse.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Runs a command that runs tests, and prints the coverage on standard error, or as JSON. */
export async function runCovered(
  command: readonly string[],
  { exemptFile, json }: { readonly exemptFile: string | undefined; readonly json: boolean },
): Promise<number> {
  const exempt = exemptFile === undefined ? {} : readExemptions(exemptFile)
  const folder = mkdtempSync(path.join(os.tmpdir(), 'audit-coverage-'))
  try {
    readCoverage(folder, exempt) // so that a missing reason is named before the tests run
    // Standard output is for the JSON alone.
    const code = await run(command, folder, json ? 2 : 'inherit')
    const coverage = readCoverage(folder, exempt)
    if (json) process.stdout.write(`${JSON.stringify(coverage)}\n`)
    else process.stderr.write(coverageText(coverage))
    if (code !== 0) return code
    return coverage.isComplete ? 0 : 1
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function readExemptions(file: string): Exemptions {
  let given: unknown
  try {
    given = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    const code: unknown = Reflect.get(Object(error), 'code')
    throw misuse(`--exempt ${file} cannot be read (${code ?? 'it is not JSON'}).`)
  }
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) {
    return given as Exemptions
  }
  throw misuse(`--exempt ${file} must hold an object: {"POST /ping": "it changes nothing"}.`)
}

/** @returns the exit code of the command, or as a shell tells a signal */
function run(
  [program = '', ...args]: readonly string[],
  folder: string,
  output: 'inherit' | number,
): Promise<number> {
  const child = spawn(program, args, {
    env: { ...process.env, [FOLDER_VARIABLE]: folder },
    stdio: ['inherit', output, 'inherit'],
  })
  const pass = (signal: NodeJS.Signals) => void child.kill(signal)
  for (const signal of SIGNALS) process.on(signal, pass)
  return new Promise<number>((resolve, reject) => {
    child.once('error', ({ message }) => reject(misuse(`The tests cannot be run: ${message}.`)))
    child.once('exit', (code, signal) =>
      resolve(code ?? 128 + (os.constants.signals[signal ?? 'SIGTERM'] ?? 0)),
    )
  }).finally(() => {
    for (const signal of SIGNALS) process.off(signal, pass)
  })
}
