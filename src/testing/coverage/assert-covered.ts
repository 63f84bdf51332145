import { AssertionError } from 'node:assert'
import { mkdtempSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { optionInvalid } from '../../errors.ts'
import { coverageText, type Exemptions, readCoverage } from './read-coverage.ts'
import { FOLDER_VARIABLE } from './folder.ts'

/**
 * Begins a run, where `audit-relay coverage` does not: for the global set-up of a test runner. The
 * processes that the runner starts afterwards note their routes.
 *
 * @returns the folder of the run, in the system's temporary folder
 */
export function startCoverage(): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'audit-coverage-'))
  process.env[FOLDER_VARIABLE] = folder
  return folder
}

/**
 * Fails where a route that changes something recorded nothing in the whole run, for the global
 * tear-down of a test runner. It also sets the exit code of the process.
 *
 * @param options.exempt a written reason for each route that need not record
 * @throws {AssertionError} which names each route
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where no run was begun, or a reason is missing
 */
export function assertCovered({ exempt = {} }: { readonly exempt?: Exemptions } = {}): void {
  const folder = process.env[FOLDER_VARIABLE]
  if (!folder) throw optionInvalid('Call startCoverage() before the tests begin.')
  const coverage = readCoverage(folder, exempt)
  if (coverage.isComplete) return
  process.exitCode = 1 // Vitest only prints what its tear-down throws
  throw new AssertionError({ message: coverageText(coverage).trimEnd() })
}
