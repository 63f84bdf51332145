import { accessSync, constants, statSync } from 'node:fs'
import { Database } from '../../../src/database/connection.ts'
import { AuditError } from '../../../src/errors.ts'
import { fileCode, fileWords } from '../../../src/file-fault.ts'
import { type RecoveredFile, recoverFolder } from '../../../src/exit-dump/recover.ts'
import { type Environment, readConfig } from '../../config.ts'

const DONE = 0
const FAILED = 1

/** Stages what a folder holds, and says what became of each file. @returns 1 if one is damaged or refused */
export async function recover(
  environment: Environment,
  folder: string,
  { json }: { readonly json: boolean },
): Promise<number> {
  const { databaseUrl, limits } = readConfig(environment, 'relay')
  refuseUnusable(folder)
  const database = new Database({
    url: databaseUrl,
    role: 'audit_relay',
    applicationName: 'audit-relay recover',
    statementTimeoutMs: limits.statementTimeoutMs,
  })
  const files: RecoveredFile[] = []
  try {
    await recoverFolder({
      folder,
      database,
      // Somebody chose this folder, and the recorder had not reached any database.
      isOurTarget: () => true,
      onFile: (found) => {
        files.push(found)
        if (!json) process.stdout.write(`${lineOf(found)}\n`)
      },
    })
  } finally {
    await database.close()
  }
  const staged = files.reduce((sum, { entries }) => sum + entries, 0)
  const lost = files.reduce((sum, { lost: ofFile }) => sum + ofFile, 0)
  if (json) process.stdout.write(`${JSON.stringify({ staged, lost, files })}\n`)
  else if (files.length === 0) process.stdout.write(`Nothing was left in ${folder}.\n`)
  else process.stdout.write(`${staged} entries staged; a relay moves them next.\n`)
  return files.some(({ outcome }) => outcome === 'damaged' || outcome === 'refused') ? FAILED : DONE
}

/** Files are deleted once they are staged, so reading alone is not enough. */
function refuseUnusable(folder: string): void {
  const { R_OK, W_OK, X_OK } = constants
  try {
    if (statSync(folder).isDirectory()) {
      accessSync(folder, R_OK | W_OK | X_OK)
      return
    }
  } catch (error) {
    const code = fileCode(error)
    if (code === undefined) throw error
    throw new AuditError('AUDIT_OPTION_INVALID', `The folder "${folder}" ${fileWords(code)}.`)
  }
  throw new AuditError('AUDIT_OPTION_INVALID', `"${folder}" is a file and no folder.`)
}

function lineOf({ file, recorder, outcome, entries, lost, code }: RecoveredFile): string {
  switch (outcome) {
    case 'staged':
      return `${file}: ${entries} ${entries === 1 ? 'entry' : 'entries'} of recorder ${recorder}${
        lost > 0 ? `; ${lost} more found no room on the disk and are lost` : ''
      }`
    case 'damaged':
      return `${file}: damaged. ${entries} entries staged, ${lost} lost; it is renamed to .damaged`
    case 'refused':
      return `${file}: refused (${code}). It stays.${refusalWords(code)}`
    case 'other-database':
      return `${file}: of another database. It stays.`
    case 'not-a-dump':
      return `${file}: not a dump of a recorder. It stays.`
  }
}

/** A code of five letters is the database's; the others are the file system's. */
function refusalWords(code: string | undefined): string {
  if (code === '42501') return ' Another recorder has its id, or this login lacks a right.'
  return code === undefined || /^[0-9A-Z]{5}$/.test(code) ? '' : ` The file ${fileWords(code)}.`
}
