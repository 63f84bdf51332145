import { closeSync, openSync, writeSync } from 'node:fs'
import { AuditError } from '../../src/errors.ts'
import { fileCode, fileWords } from '../../src/file-fault.ts'

/** A row of the old log that is no entry of the log. */
export interface RefusedRow {
  /** Which row it is, from 1 on. */
  readonly number: number
  readonly key: string
  readonly reason: string
  /** The row as it was read. */
  readonly text: string
}

/** Where refused rows go, so that none is lost in silence. */
export interface RefusedRows {
  /** Keeps those that it was not given before. They are kept when it returns. */
  add(rows: readonly RefusedRow[]): void
  close(): void
}

/**
 * Appends each refused row to a file, a JSON object a line. Only its owner may read the file, because
 * nothing in the rows was censored.
 *
 * @throws {AuditError} `AUDIT_OPTION_INVALID` where the file cannot be opened
 */
export function refusedFile(file: string): RefusedRows {
  let descriptor: number
  try {
    descriptor = openSync(file, 'a', 0o600)
  } catch (error) {
    const code = fileCode(error)
    if (code === undefined) throw error
    throw new AuditError('AUDIT_OPTION_INVALID', `The file "${file}" ${fileWords(code)}.`)
  }
  return eachOnce(
    ({ number, key, reason, text }) =>
      writeSync(descriptor, `${JSON.stringify({ row: number, key, reason, text })}\n`),
    () => closeSync(descriptor),
  )
}

/** Lists each refused row with its reason, and without what it holds. */
export function refusedList(write: (line: string) => void): RefusedRows {
  return eachOnce(
    ({ number, key, reason }) => {
      const shownKey = key === '' ? '' : ` (key ${key.slice(0, MAX_SHOWN)})`
      write(`row ${number}${shownKey} was refused: ${reason}\n`)
    },
    () => {},
  )
}

const MAX_SHOWN = 80

/** An import reads some rows again after a crash of the server. */
function eachOnce(keep: (row: RefusedRow) => void, close: () => void): RefusedRows {
  let through = 0
  return {
    add(rows) {
      for (const row of rows.toSorted((one, other) => one.number - other.number)) {
        if (row.number <= through) continue
        keep(row)
        through = row.number
      }
    },
    close,
  }
}
